/** Requests that are right, one for each way in: what mutations start from. */
import { readFileSync } from 'node:fs';
import { deflateSync, gzipSync } from 'node:zlib';

export interface Seed {
  name: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

const ROW = Array.from({ length: 64 }, (_, at) => at % 17);
const json = { 'content-type': 'application/json' };

const OIP = { id: 'x', inputs: [{ name: 'image', shape: [1, 64], datatype: 'FP32', data: ROW }] };

/** JSON head, then the rows as little-endian floats. */
function binary(): { headers: Record<string, string>; body: Buffer } {
  const input = { name: 'image', shape: [1, 64], datatype: 'FP32', parameters: { binary_data_size: 256 } };
  const head = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  const body = Buffer.concat([head, Buffer.from(Float32Array.from(ROW).buffer)]);
  const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': `${head.length}` };
  return { headers, body };
}

export function httpSeeds(model: string): Seed[] {
  const infer = `/v2/models/${model}/infer`;
  const oip = Buffer.from(JSON.stringify(OIP));
  const nested = Buffer.from(
    JSON.stringify({ inputs: [{ ...OIP.inputs[0], data: [ROW] }], outputs: [{ name: 'label' }] }),
  );
  const instances = Buffer.from(JSON.stringify({ instances: [ROW] }));
  const csv = Buffer.from(`${ROW.join(',')}\n`);
  const query = `{ infer(model: "${model}", inputs: [{name: "image", datatype: "FP32", shape: [1, 64], data: [${ROW}]}]) { modelVersion } }`;
  const graphql = Buffer.from(JSON.stringify({ query: `mutation ${query}` }));
  return [
    { name: 'oip', path: infer, headers: json, body: oip },
    { name: 'oip nested', path: infer, headers: json, body: nested },
    { name: 'oip binary', path: infer, ...binary() },
    { name: 'oip gzip', path: infer, headers: { ...json, 'content-encoding': 'gzip' }, body: gzipSync(oip) },
    { name: 'oip deflate', path: infer, headers: { ...json, 'content-encoding': 'deflate' }, body: deflateSync(oip) },
    { name: 'repository index', path: '/v2/repository/index', headers: json, body: Buffer.from('{"ready":true}') },
    { name: 'tensorflow row', path: `/v1/models/${model}:predict`, headers: json, body: instances },
    {
      name: 'tensorflow column',
      path: `/v1/models/${model}:predict`,
      headers: json,
      body: Buffer.from(JSON.stringify({ inputs: { image: [ROW] } })),
    },
    { name: 'sagemaker json', path: '/invocations', headers: json, body: instances },
    { name: 'sagemaker csv', path: '/invocations', headers: { 'content-type': 'text/csv' }, body: csv },
    { name: 'graphql', path: '/graphql', headers: json, body: graphql },
  ];
}

/** A ModelInferRequest in protobuf, written by hand: model_name 1, inputs 5 {name 1, datatype 2, shape 3}, raw 7. */
export function grpcSeed(model: string): Buffer {
  const field = (number: number, bytes: Buffer) => {
    const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
  };
  const text = (number: number, value: string) => field(number, Buffer.from(value));
  const input = Buffer.concat([text(1, 'image'), text(2, 'FP32'), field(3, Buffer.from([1, 64]))]);
  return Buffer.concat([text(1, model), field(5, input), field(7, Buffer.from(Float32Array.from(ROW).buffer))]);
}

/** Resident memory of a process, MiB; Linux only. */
export function residentMiB(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return (pages * 4_096) / 2 ** 20;
}
