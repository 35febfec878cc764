/**
 * Kuafu for browsers: the single entry to the client library.
 *
 * It is plain ES modules and needs nothing: `import { Kuafu } from "./kuafu.js"`. The modules behind it under `src/`
 * may change; what is exported here is the interface, typed in `kuafu.d.ts`.
 * @module
 */

export { Kuafu } from "./src/client.js";
export { Code, codeName, codeText } from "./src/codes.js";
export { Component, Entity } from "./src/entity.js";
export { KuafuError } from "./src/errors.js";
export { World } from "./src/world.js";
