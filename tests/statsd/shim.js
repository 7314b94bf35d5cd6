// StatsD 0.9 calls a function that Node.js has no longer.

const util = require("util");
util.log ??= () => {};
