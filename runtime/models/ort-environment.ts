/**
 * To be imported before onnxruntime-node. Its native library carries a telemetry client that writes into TMPDIR and names
 * a collector of its vendor's; a model server tells nobody what it serves. Read by the library once, when it is loaded.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';
