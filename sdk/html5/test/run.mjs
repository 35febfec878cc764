/** Runs every test of the library: `node sdk/html5/test/run.mjs`. */

import "./vectors.test.mjs";
import "./units.test.mjs";
import "./components.test.mjs";
import "./session.test.mjs";
