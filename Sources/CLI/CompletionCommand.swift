// openclaw completion: the scripts of the shells, and what they call.
import Kit
import Service
import System

extension Command {
    static let completion = Command(
        name: "completion", operands: "bash|zsh|fish", summary: "print the completion script of a shell",
        group: .setup, operandKinds: [.words(["bash", "zsh", "fish"])], operandLimit: 1, options: [],
        notes: """
            Where the scripts belong:
              bash  in ~/.bashrc: source <(openclaw completion bash)
              zsh   openclaw completion zsh > "${fpath[1]}/_openclaw"
              fish  openclaw completion fish > ~/.config/fish/completions/openclaw.fish
            """
    ) { (arguments) throws(CLIError) in
        guard let shell = arguments.positional.first, let script = CompletionScript.all[shell] else {
            throw CLIError(
                .usage, "openclaw completion needs one of: bash, zsh, fish",
                hint: "openclaw completion --help says where the scripts belong")
        }
        Terminal(arguments).line(script)
        return .done
    }

    /// What the scripts call. It starts nothing, waits for nothing, and never fails: a shell that completes
    /// must not show an error.
    static let complete = Command(
        name: "__complete", operands: "WORD…", summary: "", group: .hidden, options: []
    ) { (arguments) throws(CLIError) in
        let words =
            arguments.positional.first == "--" ? arguments.positional.dropFirst() : arguments.positional[...]
        let completion = Completion(Array(words), live: LiveValues(home: Home()).candidates)
        for line in completion.lines { Terminal().line(Terminal.harmless(line)) }
        return .done
    }
}

/// Ids as they are now.
struct LiveValues {
    let home: Home

    func candidates(_ kind: ValueKind, _ operands: [String]) -> [Candidate] {
        let client = CoordinatorClient(home: home)
        switch kind {
        case .session:
            let sessions = (try? client.call("GET", "/v1/sessions"))?["sessions"]?.arrayValue ?? []
            return sessions.map { session in
                let state = session["state"]?.stringValue ?? ""
                return Candidate(
                    word: session["id"]?.stringValue ?? "",
                    about: "\(state): \(session["task"]?.stringValue ?? "")")
            }
        case .agent:
            guard let id = operands.last else { return [] }
            let session = try? client.call("GET", "/v1/sessions/\(SessionCommand.segment(id))")
            return (session?["agents"]?.arrayValue ?? []).map {
                Candidate(word: $0["id"]?.stringValue ?? "", about: $0["state"]?.stringValue ?? "")
            }
        case .template, .role:
            let library = Library(kind == .role ? "roles" : "templates", home: home, repository: ".")
            let entries = (try? library.all()) ?? []
            return entries.map { Candidate(word: $0.name, about: $0.origin.rawValue) }
        default: return []
        }
    }
}

enum CompletionScript {
    static let all = ["bash": bash, "zsh": zsh, "fish": fish]

    static let bash = #"""
        # openclaw for bash. Words are joined again where bash splits them, at = and :
        _openclaw() {
            local line cur words=() i
            for ((i = 1; i <= COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                = | :)
                    words[${#words[@]} - 1]+=${COMP_WORDS[i]}
                    [ "$i" = "$COMP_CWORD" ] && continue
                    ((i++))
                    words[${#words[@]} - 1]+=${COMP_WORDS[i]}
                    ;;
                *) words+=("${COMP_WORDS[i]}") ;;
                esac
            done
            cur=${words[${#words[@]} - 1]}
            COMPREPLY=()
            while IFS= read -r line; do
                case $line in
                :files | :directories)
                    [ "$line" = :files ] && i=-f || i=-d
                    compopt -o filenames 2>/dev/null
                    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen "$i" -- "$cur")
                    ;;
                *)
                    line=${line%%$'\t'*}
                    [[ $cur == *=* ]] && line=${line#*=}
                    COMPREPLY+=("$line")
                    ;;
                esac
            done < <(openclaw __complete -- "${words[@]}" 2>/dev/null)
        }
        complete -F _openclaw openclaw
        """#

    static let zsh = #"""
        #compdef openclaw
        # openclaw for zsh.
        _openclaw() {
            local line
            local -a found
            for line in ${(f)"$(openclaw __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
                case $line in
                :files) _files ;;
                :directories) _files -/ ;;
                *) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
                esac
            done
            (( $#found )) && _describe openclaw found
        }
        if [ "$funcstack[1]" = _openclaw ]; then _openclaw "$@"; else compdef _openclaw openclaw; fi
        """#

    static let fish = #"""
        # openclaw for fish.
        function __openclaw_complete
            set -l words (commandline -opc) (commandline -ct)
            for line in (openclaw __complete -- $words[2..] 2>/dev/null)
                switch $line
                    case :files
                        __fish_complete_path (commandline -ct)
                    case :directories
                        __fish_complete_directories (commandline -ct)
                    case '*'
                        echo $line
                end
            end
        end
        complete -c openclaw -f -a '(__openclaw_complete)'
        """#
}
