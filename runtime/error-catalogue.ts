/**
 * What each coded error of the runtime means and what to do: `docs/errors.md` is made of it. A code is API; it does not
 * change its meaning. Texts are Markdown.
 */

export interface ErrorEntry {
  says: string;
  todo: string;
}

/** Answers to a request, with their HTTP status. */
export const REQUEST_CATALOGUE = {
  ROUTE_NOT_FOUND: {
    status: 404,
    says: 'There is nothing at this path.',
    todo: 'Check the path against [protocol.md](protocol.md).',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    says: 'The path takes another method.',
    todo: 'Use one that `allow` lists.',
  },
  MODEL_NOT_FOUND: {
    status: 404,
    says: 'Another model is served here.',
    todo: 'Use the name in the message.',
  },
  VERSION_NOT_FOUND: {
    status: 404,
    says: 'No such version is served.',
    todo: 'Use one of those in the message, or name none.',
  },
  REPOSITORY_READ_ONLY: {
    status: 403,
    says: 'A model was to be loaded or unloaded by request.',
    todo: 'Add, change or remove the version in the ModelDeployment.',
  },
  MALFORMED_JSON: {
    status: 400,
    says: 'The body is empty, not UTF-8 or not JSON.',
    todo: 'Mend it; write NaN and infinities as strings.',
  },
  INVALID_REQUEST: {
    status: 400,
    says: 'It is JSON, but not a request of the protocol, or asks for an extension that is not offered; or its parts or its encoding are not what its headers say.',
    todo: 'Mend what the message names.',
  },
  MISSING_INPUT: {
    status: 400,
    says: 'An input of the model is not given.',
    todo: 'Add it, with the datatype and shape in the message.',
  },
  UNKNOWN_INPUT: {
    status: 400,
    says: 'The model has no such input.',
    todo: 'Leave it out, or use a name in the message.',
  },
  DUPLICATE_INPUT: {
    status: 400,
    says: 'An input is given twice.',
    todo: 'Give it once.',
  },
  UNKNOWN_OUTPUT: {
    status: 400,
    says: 'The model has no such output.',
    todo: 'Ask for one in the message.',
  },
  INPUT_DATATYPE: {
    status: 400,
    says: 'An input has another datatype than the model takes.',
    todo: 'Send the datatype in the message; nothing is converted.',
  },
  INPUT_SHAPE: {
    status: 400,
    says: "An input's shape is none, or does not fit the model.",
    todo: 'Send a shape as in the message; −1 there is free.',
  },
  INPUT_DATA: {
    status: 400,
    says: 'A value does not fit the datatype, or there are more or fewer values than the shape holds.',
    todo: 'Mend the value at the index in the message.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    says: 'The body is above `serving.limits.body`, as it comes or inflated.',
    todo: 'Send fewer items a request, or raise the limit.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    says: 'The content type or content encoding is not understood.',
    todo: 'Send `application/json`, uncompressed or in gzip or deflate; or what the message names.',
  },
  MALFORMED_HTTP: {
    status: 400,
    says: 'What came is not HTTP/1.1.',
    todo: 'Check the client, or what stands between.',
  },
  REQUEST_TOO_SLOW: {
    status: 408,
    says: 'The request did not arrive whole in time.',
    todo: 'Check the network; send smaller bodies.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    says: 'The headers are above 16 KiB.',
    todo: 'Send fewer, such as cookies.',
  },
  CLIENT_GONE: {
    status: 499,
    says: 'The client hung up before its request was run. Nobody hears this answer; metrics show it.',
    todo: "Raise the client's time-out if it is too short.",
  },
  MISDIRECTED: {
    status: 421,
    says: 'A direct port was asked for another version than its own, or was sent a forward for another model.',
    todo: 'Use the public address; it forwards.',
  },
  INFERENCE_FAILED: {
    status: 500,
    says: 'The model failed on this request, which its signature allows.',
    todo: "Read ONNX Runtime's words in the message; often a dimension is too small.",
  },
  INTERNAL: {
    status: 500,
    says: 'A defect of the runtime.',
    todo: 'Report it with the log of the process.',
  },
  VERSION_UNAVAILABLE: {
    status: 502,
    says: 'The version that the request names could not be reached.',
    todo: 'Try again, or name no version.',
  },
  NOT_READY: {
    status: 503,
    says: 'The model is not loaded yet, failed to load, or the process is shutting down.',
    todo: 'Try again; if it lasts, see the status of the ModelDeployment.',
  },
  DIGEST_CHANGED: {
    status: 503,
    says: 'The file that this process loaded is not the one that the version was first served with. It answers nothing; its report and the status of the ModelDeployment say so too.',
    todo: 'Put the first file back and delete the pod, or add a version for the new file; or, if the new file is meant, state its `sha256`.',
  },
  QUEUE_FULL: {
    status: 503,
    says: '`serving.limits.queue` requests wait already, or as many bytes as 16 of the largest bodies.',
    todo: 'Try again later; add replicas.',
  },
  REQUEST_TIMEOUT: {
    status: 504,
    says: 'The request waited longer than `serving.limits.timeout`; it was not run.',
    todo: 'Add replicas, or raise the limit.',
  },
} as const satisfies Readonly<Record<string, ErrorEntry & { status: number }>>;

/** Why a process could not start, or not go on: the code in the termination message. */
export const LOAD_CATALOGUE = {
  LAUNCH_INVALID: {
    says: 'The command line is wrong.',
    todo: 'Mend the flag that the message names; under the operator, report it.',
  },
  ADDRESS_IN_USE: {
    says: 'A port could not be listened on.',
    todo: 'End what has it, or choose another.',
  },
  MODEL_URI_UNSUPPORTED: {
    says: 'The scheme of the URI is not known, or the URI is none. As the next three, also of golden requests: the message says so.',
    todo: 'Use a scheme that the message lists.',
  },
  MODEL_NOT_THERE: {
    says: 'There is no such file or object.',
    todo: 'Check the path; a relative one starts at the working folder.',
  },
  MODEL_FORBIDDEN: {
    says: 'The file or object may not be read.',
    todo: 'Check permissions and credentials.',
  },
  MODEL_UNREACHABLE: {
    says: 'The source did not answer, or not with the whole file, after several tries.',
    todo: 'Check the address, the network and the NetworkPolicy.',
  },
  MODEL_DIGEST_MISMATCH: {
    says: 'The file is not the one whose `sha256` was given. It was not opened.',
    todo: 'Check what was uploaded; correct the digest only if the new file is meant.',
  },
  MODEL_CORRUPT: {
    says: 'The file is no ONNX model, is cut off, or contradicts itself.',
    todo: 'Export or upload it again.',
  },
  MODEL_UNSUPPORTED: {
    says: "It is ONNX, but with an operator, opset, datatype or output that can't be served.",
    todo: 'Follow the message: another opset, or `zipmap=False` for scikit-learn.',
  },
  PROVIDER_MISSING: {
    says: 'An execution provider is not there, and `cpu` does not follow it.',
    todo: 'Use an image that has it ([how-to/gpu.md](how-to/gpu.md)), or list `cpu` after it.',
  },
  OPTION_UNSUPPORTED: {
    says: "A field of `serving.session` asks for what ONNX Runtime can't be told here.",
    todo: 'Leave out the field that the message names.',
  },
  WARMUP_FAILED: {
    says: 'A made-up request failed, though every input is of a fixed shape.',
    todo: 'Try the model with ONNX Runtime alone; or set `warmup.requests: 0`.',
  },
  GOLDEN_NOT_THERE: {
    says: 'There is no such file of golden requests.',
    todo: 'Put it where `golden.uri` says; of a ConfigMap, check its name and the key.',
  },
  GOLDEN_INVALID: {
    says: 'The file of golden requests is none, or above 16 MiB.',
    todo: 'Mend what stands at the path in the message ([reference/golden.md](reference/golden.md)).',
  },
  GOLDEN_MISMATCH: {
    says: 'The model does not give the answer that a golden request must get, or none at all.',
    todo: 'Look at the model; change the file only if the new answer is the right one.',
  },
  LOAD_DIED: {
    says: 'The process was ended while it opened the model: killed for memory, or a crash inside ONNX Runtime.',
    todo: 'Raise the memory limit, or try the file with ONNX Runtime alone.',
  },
  CRASH_LOOP: {
    says: 'Processes of a replica with several died more than 5 times within a minute, after they had been ready. What was in flight elsewhere was answered.',
    todo: 'Look for the signal in the log: SIGKILL is memory, so raise the limit or set `execution.processes: 1`.',
  },
  INTERNAL: {
    says: 'A defect of the runtime.',
    todo: 'Report it with the log of the process.',
  },
} as const satisfies Readonly<Record<string, ErrorEntry>>;
