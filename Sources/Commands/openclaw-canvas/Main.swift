import Canvas
import Glibc

@main struct Main {
    static func main() { exit(CanvasServer.main(Array(CommandLine.arguments.dropFirst()))) }
}
