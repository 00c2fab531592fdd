/// The components and functions that a surface may use.
public struct A2UICatalog: Sendable {
    public let id: String
    let components: [String: A2UIComponent]
    let functions: [String: A2UIFunction]

    /// The basic catalog of A2UI v0.9: 18 components, 14 functions.
    public static let basic = A2UICatalog(
        id: "https://a2ui.org/specification/v0_9/catalogs/basic/catalog.json",
        components: basicComponents, functions: basicFunctions)

    /// Ours: the basic one, and what shows parts of a session.
    public static let session = A2UICatalog(
        id: "openclaw/session/v1",
        components: basicComponents.merging(sessionComponents) { basic, _ in basic },
        functions: basicFunctions)

    /// The catalog of an id. Version 0.9.1 of A2UI has the same basic catalog at an address of its own.
    static func find(_ id: String) -> A2UICatalog? {
        switch id {
        case session.id: session
        case basic.id, "https://a2ui.org/specification/v0_9_1/catalogs/basic/catalog.json": basic
        default: nil
        }
    }

    private static let justify = A2UIShape.word([
        "start", "center", "end", "spaceBetween", "spaceAround", "spaceEvenly", "stretch",
    ])
    private static let align = A2UIShape.word(["start", "center", "end", "stretch"])
    private static let box = A2UIComponent([
        "children": .must(.children), "justify": .may(justify), "align": .may(align),
    ])

    private static let basicComponents: [String: A2UIComponent] = [
        "Text": A2UIComponent([
            "text": .must(.dynamicString),
            "variant": .may(.word(["h1", "h2", "h3", "h4", "h5", "caption", "body"])),
        ]),
        "Image": A2UIComponent([
            "url": .must(.dynamicMedia), "description": .may(.dynamicString),
            "fit": .may(.word(["contain", "cover", "fill", "none", "scaleDown"])),
            "variant": .may(
                .word(["icon", "avatar", "smallFeature", "mediumFeature", "largeFeature", "header"])),
        ]),
        "Icon": A2UIComponent(["name": .must(.icon)]),
        "Video": A2UIComponent(["url": .must(.dynamicMedia)]),
        "AudioPlayer": A2UIComponent([
            "url": .must(.dynamicMedia), "description": .may(.dynamicString),
        ]),
        "Row": box, "Column": box,
        "List": A2UIComponent([
            "children": .must(.children), "direction": .may(.word(["vertical", "horizontal"])),
            "align": .may(align),
        ]),
        "Card": A2UIComponent(["child": .must(.component)]),
        "Tabs": A2UIComponent([
            "tabs": .must(
                .list(
                    .object(["title": .must(.dynamicString), "child": .must(.component)]), least: 1,
                    most: 50))
        ]),
        "Modal": A2UIComponent(["trigger": .must(.component), "content": .must(.component)]),
        "Divider": A2UIComponent(["axis": .may(.word(["horizontal", "vertical"]))]),
        "Button": A2UIComponent(
            [
                "child": .must(.component), "action": .must(.action),
                "variant": .may(.word(["default", "primary", "borderless"])),
            ], isCheckable: true),
        "TextField": A2UIComponent(
            [
                "label": .must(.dynamicString), "value": .may(.dynamicString),
                "variant": .may(.word(["longText", "number", "shortText", "obscured"])),
                "validationRegexp": .may(.pattern),
            ], isCheckable: true),
        "CheckBox": A2UIComponent(
            ["label": .must(.dynamicString), "value": .must(.dynamicBoolean)], isCheckable: true),
        "ChoicePicker": A2UIComponent(
            [
                "label": .may(.dynamicString), "value": .must(.dynamicStringList),
                "options": .must(
                    .list(
                        .object(["label": .must(.dynamicString), "value": .must(.string)]), least: 0,
                        most: 500)),
                "variant": .may(.word(["multipleSelection", "mutuallyExclusive"])),
                "displayStyle": .may(.word(["checkbox", "chips"])), "filterable": .may(.boolean),
            ], isCheckable: true),
        "Slider": A2UIComponent(
            [
                "label": .may(.dynamicString), "min": .may(.number), "max": .must(.number),
                "value": .must(.dynamicNumber),
            ], isCheckable: true),
        "DateTimeInput": A2UIComponent(
            [
                "value": .must(.dynamicString), "enableDate": .may(.boolean), "enableTime": .may(.boolean),
                "min": .may(.dynamicDate), "max": .may(.dynamicDate), "label": .may(.dynamicString),
            ], isCheckable: true),
    ]

    private static let number = ["value": A2UIProperty.must(.dynamicNumber)]
    private static let text = ["value": A2UIProperty.must(.dynamicString)]
    private static let booleans = [
        "values": A2UIProperty.must(.list(.dynamicBoolean, least: 2, most: 50))
    ]
    private static let figures: [String: A2UIProperty] = [
        "value": .must(.dynamicNumber), "decimals": .may(.dynamicNumber), "grouping": .may(.dynamicBoolean),
    ]

    private static let basicFunctions: [String: A2UIFunction] = [
        "required": A2UIFunction(.boolean, ["value": .must(.dynamicValue)]),
        "regex": A2UIFunction(.boolean, ["value": .must(.dynamicString), "pattern": .must(.pattern)]),
        "length": A2UIFunction(
            .boolean, ["value": .must(.dynamicString), "min": .may(.natural), "max": .may(.natural)],
            oneOf: ["min", "max"]),
        "numeric": A2UIFunction(
            .boolean, ["value": .must(.dynamicNumber), "min": .may(.number), "max": .may(.number)],
            oneOf: ["min", "max"]),
        "email": A2UIFunction(.boolean, text),
        "formatString": A2UIFunction(.string, text),
        "formatNumber": A2UIFunction(.string, figures),
        "formatCurrency": A2UIFunction(
            .string, figures.merging(["currency": .must(.dynamicString)]) { $1 }),
        "formatDate": A2UIFunction(
            .string, ["value": .must(.dynamicValue), "format": .must(.dynamicString)]),
        "pluralize": A2UIFunction(
            .string,
            [
                "value": .must(.dynamicNumber), "zero": .may(.dynamicString), "one": .may(.dynamicString),
                "two": .may(.dynamicString), "few": .may(.dynamicString), "many": .may(.dynamicString),
                "other": .must(.dynamicString),
            ]),
        "openUrl": A2UIFunction(.void, ["url": .must(.link)]),
        "and": A2UIFunction(.boolean, booleans), "or": A2UIFunction(.boolean, booleans),
        "not": A2UIFunction(.boolean, ["value": .must(.dynamicBoolean)]),
    ]

    /// The names of the basic catalog's icons.
    static let icons: Set<String> = Set(
        """
        accountCircle add arrowBack arrowForward attachFile calendarToday call camera check close delete
        download edit event error fastForward favorite favoriteOff folder help home info locationOn lock
        lockOpen mail menu moreVert moreHoriz notificationsOff notifications pause payment person phone photo
        play print refresh rewind search send settings share shoppingCart skipNext skipPrevious star starHalf
        starOff stop upload visibility visibilityOff volumeDown volumeMute volumeOff volumeUp warning
        """.split(whereSeparator: \.isWhitespace).map(String.init))
}
