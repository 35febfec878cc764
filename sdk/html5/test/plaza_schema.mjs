/** The schema of a small game, as a server tells it. */

const KIND = ["flower", "gem", "hat", "lantern", "apple", "book"];
const property = (number, name, type, part, others) => ({ no: number, name, type, part, own_client: true, other_clients: others });
const method = (number, name, part, args = [], result = undefined) => ({
  no: number, name, part, result,
  exposed: part === "client" ? undefined : "owner",
  arguments: args.map(([argument, type]) => ({ name: argument, type })),
});

export const DIGEST = "00112233445566778899aabbccddeeff";

export const SCHEMA_JSON = JSON.stringify({
  digest: DIGEST,
  types: [
    {
      no: 1, name: "avatar",
      properties: [
        property(1, "name", "string", "cell", true),
        property(2, "hue", "uint16", "cell", true),
        property(3, "gold", "int64", "base", false),
        property(4, "bag", "list<Item>", "base", false),
        property(5, "score", "int64 wide", "base", false),
      ],
      methods: [
        method(1, "say", "cell", [["text", "string"]]),
        method(2, "shout", "cell", [["text", "string"]]),
        method(3, "wave", "cell"),
        method(4, "pick", "cell", [["thing", "entity"]], "bool"),
        method(5, "drop", "base", [["index", "uint32"]], "bool"),
        method(6, "set_hue", "base", [["hue", "uint16"]]),
        method(7, "heard", "client", [["text", "string"], ["loud", "bool"]]),
        method(8, "waved", "client"),
      ],
    },
    {
      no: 2, name: "wisp",
      properties: [property(1, "hue", "uint16", "cell", true), property(2, "startled", "bool", "cell", true)],
      methods: [],
    },
    {
      no: 3, name: "thing",
      properties: [property(1, "kind", "Kind", "cell", true), property(2, "hue", "uint16", "cell", true)],
      methods: [],
    },
  ],
  structs: { Item: { fields: [{ name: "kind", type: "Kind" }, { name: "hue", type: "uint16" }] } },
  enums: { Kind: { variants: KIND } },
});
