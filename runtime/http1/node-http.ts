/**
 * Of Node's HTTP module what the doors use. Not imported as an ES module: that asks for each of its exports, three of which
 * have Node load a whole fetch of its own, at every start, for nobody.
 */
export const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http');
