import Glibc
import Sandbox

@main
enum Main {
    static func main() { exit(Sandbox.main()) }
}
