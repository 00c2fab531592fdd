import Glibc
import Harness

@main
enum Main {
    static func main() { exit(Harness.main()) }
}
