// run --template NAME -p KEY=VALUE.
import Delivery
import Kit
import Service
import System

extension RunCommand {
    static let templateOptions = [
        OptionSpec(
            "template", value: "NAME", kind: .template, "a task with parameters; see openclaw templates"),
        OptionSpec(
            "param", short: "p", value: "KEY=VALUE", "a parameter of the template; may be given again"),
    ]

    /// The template with its values; nil when none is asked for. Its options become defaults of this command.
    static func template(_ arguments: inout Arguments, home: Home) throws(CLIError) -> Template.Filled? {
        guard let name = arguments.value("template") else {
            if arguments.has("param") {
                throw CLIError(.usage, "-p is a parameter of a template", hint: "add --template NAME")
            }
            return nil
        }
        let place = RepositoryAddress(arguments.value("repo") ?? ".", exists: Files.exists).place
        let entry = try Library("templates", home: home, repository: place).find(name)
        let template = try TemplatesCommand.read(entry)
        var values = try parameters(arguments.values("param"))
        let words = arguments.positional.joined(separator: " ")
        if !words.isEmpty {
            guard let first = template.parameters.first(where: { $0.isRequired && values[$0.name] == nil })
            else {
                throw CLIError(
                    .usage, "\(name) does not know what to do with \(words)",
                    hint: "openclaw templates show \(name) shows its parameters")
            }
            values[first.name] = words
        }
        do throws(TemplateError) {
            let filled = try template.fill(values)
            for (option, values) in filled.options {
                arguments.setDefaults(option, values, origin: entry.path)
            }
            return filled
        } catch {
            throw CLIError(
                .usage, error.description, hint: "openclaw templates show \(name) shows its parameters")
        }
    }

    private static func parameters(_ pairs: [String]) throws(CLIError) -> [String: String] {
        var values: [String: String] = [:]
        for pair in pairs {
            guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else {
                throw CLIError(.usage, "-p \(pair): expected KEY=VALUE")
            }
            let key = String(pair[..<equals])
            guard values.updateValue(String(pair[pair.index(after: equals)...]), forKey: key) == nil else {
                throw CLIError(.usage, "-p \(key) is given twice")
            }
        }
        return values
    }
}
