/**
 * An invocation of SageMaker: JSON (four ways to say it), JSON lines, CSV, .npy or binary tensors, each in and out. Pure.
 * @see https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { RequestError } from '../errors.ts';
import { JSON_LENGTH_HEADER } from './binary-part.ts';
import type { Codec, Prepared, Received, Written } from './codec.ts';
import { readCsv, writeCsv } from './csv-tensors.ts';
import type { Tensor } from './datatypes.ts';
import { show } from './json-tensor.ts';
import { oipRest } from './oip-rest.ts';
import { isFields } from './parameters.ts';
import { readRows } from './row-tensors.ts';
import { parseLooseJson } from './row-tensors-text.ts';
import { rowTexts, writeRows } from './row-tensors-write.ts';
import { isNpy, npyRefusal, readNpy, writeNpy } from './sagemaker-npy.ts';
import { type AnswerKind, answerOf, type Body, bodyOf, tritonType } from './sagemaker-types.ts';
import type { Signature } from './signature.ts';
import {
  checkSignatureName,
  JSON_TYPE,
  outputNames,
  preparePredict,
  rowsPrepared,
  takesLongIntegers,
} from './tensorflow.ts';

/** Of the caller's own making; given back as it came, so that an answer can be told from another. */
const ATTRIBUTES = 'x-amzn-sagemaker-custom-attributes';

type Write = (outputs: readonly Tensor[]) => Written;

const WRITERS: Record<Exclude<AnswerKind, 'same'>, Write> = {
  json: (outputs) => ({ contentType: JSON_TYPE, body: `{"predictions":${writeRows(outputs, 'bare')}}` }),
  jsonlines: (outputs) => ({ contentType: 'application/jsonlines', body: `${rowTexts(outputs, 'bare').join('\n')}\n` }),
  csv: (outputs) => ({ contentType: 'text/csv; charset=utf-8', body: writeCsv(outputs) }),
  npy: ([output]) => ({ contentType: 'application/x-npy', body: writeNpy(output as Tensor) }),
};

export const sagemakerInvocation: Codec = (received, signature) => {
  const { headers } = received;
  const body = bodyOf(headers);
  const prepared = readBody(received, body, signature);
  const write = writerOf(prepared, body, answerOf(headers), signature);
  const attributes = headers[ATTRIBUTES];
  if (typeof attributes !== 'string') return { ...prepared, write };
  return {
    ...prepared,
    write(outputs, by) {
      const written = write(outputs, by);
      return { ...written, headers: { ...written.headers, [ATTRIBUTES]: attributes } };
    },
  };
};

function readBody(received: Received, { kind, jsonLength, header }: Body, signature: Signature): Prepared {
  const { body, headers } = received;
  switch (kind) {
    case 'binary':
      return readBinary(received, jsonLength as string, signature);
    case 'json':
      return readJson(received, signature);
    case 'jsonlines':
      return prepared(readRows(readLines(body, signature), signature, 'lines'), 'jsonlines', signature);
    case 'csv':
      return prepared(readCsv(body, signature, header), 'csv', signature);
    case 'npy':
      if (isNpy(body) || headers['content-type']?.includes('npy')) {
        return prepared([readNpy(body, signature)], npyRefusal(signature) ? 'json' : 'npy', signature);
      }
      throw new RequestError(
        'UNSUPPORTED_MEDIA_TYPE',
        `the body is application/octet-stream, but neither .npy nor, by the header ${JSON_LENGTH_HEADER}, binary tensors`,
      );
  }
}

function prepared(inputs: Tensor[], answer: Exclude<AnswerKind, 'same'>, signature: Signature): Prepared {
  return { inputs, outputs: outputNames(signature), write: WRITERS[answer] };
}

function writerOf(read: Prepared, { kind }: Body, answer: AnswerKind, signature: Signature): Prepared['write'] {
  // A body of JSON says itself how its answer is written.
  if (answer === 'same' || (answer === 'json' && kind === 'json')) return read.write;
  const refusal = answer === 'npy' ? npyRefusal(signature) : undefined;
  if (refusal) throw refusal;
  return WRITERS[answer];
}

function readBinary({ body, headers }: Received, jsonLength: string, signature: Signature): Prepared {
  const read = oipRest({ body, headers: { ...headers, [JSON_LENGTH_HEADER]: jsonLength } }, signature);
  return {
    ...read,
    write(outputs, by) {
      const written = read.write(outputs, by);
      const length = written.headers?.[JSON_LENGTH_HEADER];
      return { ...written, contentType: (length && tritonType(headers, length)) || written.contentType };
    },
  };
}

/** How a request of the Open Inference Protocol reads at its head, as its clients write it: told without being parsed. */
const TENSORS = /"inputs"\s*:\s*\[\s*\{\s*"(?:name|datatype|shape|data|parameters)"\s*:/;
const HEAD_BYTES = 4_096;

function readJson(received: Received, signature: Signature): Prepared {
  const { body } = received;
  const asTensors = () =>
    oipRest({ body, headers: { ...received.headers, 'content-type': 'application/json' } }, signature);
  if (TENSORS.test(body.toString('latin1', 0, HEAD_BYTES))) return asTensors();
  const request = parseLooseJson(body, takesLongIntegers(signature));
  if (Array.isArray(request)) return rowsPrepared(request, signature, 'bare');
  if (!isFields(request)) {
    throw new RequestError('INVALID_REQUEST', `the body is ${show(request)}; ${FORMS}`);
  }
  const { instances, inputs } = request;
  if (instances === undefined && isTensors(inputs)) return asTensors();
  if (instances === undefined && inputs === undefined) {
    throw new RequestError('INVALID_REQUEST', `the body has neither 'instances' nor 'inputs'; ${FORMS}`);
  }
  checkSignatureName(request.signature_name);
  return preparePredict(request, signature, 'bare');
}

const FORMS =
  "send an object with 'instances' (rows) or 'inputs' (columns, or tensors of the Open Inference Protocol), or an array of rows";

function isTensors(inputs: unknown): boolean {
  return Array.isArray(inputs) && isFields(inputs[0]) && Object.hasOwn(inputs[0], 'name');
}

/** 16 digits in a row: maybe an integer that a double does not hold. */
const LONG_RUN = /\d{16}/;

/** One row a line; blank lines are none. @throws RequestError MALFORMED_JSON, naming the line, counted from 1 */
function readLines(body: Buffer, signature: Signature): unknown[] {
  if (!isUtf8(body)) throw new RequestError('MALFORMED_JSON', 'the body is not UTF-8; JSON must be');
  const text = body.toString('utf8');
  const exact = takesLongIntegers(signature) && LONG_RUN.test(text);
  const rows: unknown[] = [];
  for (let at = 0, line = 1; at < text.length; line++) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const row = text.slice(at, end);
    at = end + 1;
    if (row === '' || row.trim() === '') continue;
    rows.push(readLine(row, line, exact));
  }
  return rows;
}

function readLine(row: string, line: number, exact: boolean): unknown {
  if (!exact) {
    try {
      return JSON.parse(row);
    } catch {
      // Read again, with patience and for a message that helps.
    }
  }
  try {
    return parseLooseJson(Buffer.from(row), exact);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new RequestError(error.code, `line ${line}: ${error.message}`);
  }
}

/** The variant or the model that an endpoint of several was asked for. */
export function targetOf(headers: IncomingHttpHeaders): { variant: string | undefined; model: string | undefined } {
  const read = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const model = read('x-amzn-sagemaker-target-model')
    ?.replace(/^\//, '')
    .replace(/\.tar\.gz$/, '');
  return { variant: read('x-amzn-sagemaker-target-variant'), model };
}
