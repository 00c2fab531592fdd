import Agent
import Glibc

@main
enum Main {
    static func main() { exit(Agent.main()) }
}
