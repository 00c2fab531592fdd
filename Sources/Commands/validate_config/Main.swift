import Hooks

@main
enum Main {
    static func main() { HookProgram.run(.validateConfig) }
}
