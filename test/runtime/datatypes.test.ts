import { describe, expect, test } from 'vitest';
import { ask, infer, run } from './harness.ts';
import { addition, type Element, identity } from './onnx-builder.ts';

interface Row {
  datatype: Element;
  /** JSON text of the values sent. */
  given: string;
  /** JSON text of the values expected; as given, if absent. */
  wanted?: string;
}

const ROUND_TRIPS: Row[] = [
  { datatype: 'BOOL', given: 'true,false,true' },
  { datatype: 'INT8', given: '-128,0,127' },
  { datatype: 'INT16', given: '-32768,0,32767' },
  { datatype: 'INT32', given: '-2147483648,0,2147483647' },
  { datatype: 'INT64', given: '-9223372036854775808,-9007199254740993,0,9007199254740993,9223372036854775807' },
  { datatype: 'UINT8', given: '0,255' },
  { datatype: 'UINT16', given: '0,65535' },
  { datatype: 'UINT32', given: '0,4294967295' },
  { datatype: 'UINT64', given: '0,9007199254740993,18446744073709551615' },
  { datatype: 'FP16', given: '0,-0,-1.5,65504,0.1', wanted: '0,-0,-1.5,65504,0.0999755859375' },
  {
    datatype: 'FP32',
    given: '0,-1.5,0.1,3.4028234663852886e38',
    wanted: '0,-1.5,0.1,3.4028234663852886e+38',
  },
  { datatype: 'FP64', given: '0,-0,-1.5,0.1,1.7976931348623157e308', wanted: '0,-0,-1.5,0.1,1.7976931348623157e+308' },
  { datatype: 'BYTES', given: '"","a","λ → 漢字 🙂","\\"quoted\\"\\n"' },
];

const body = (datatype: string, values: string, shape: string) =>
  `{"id":"7","inputs":[{"name":"x","datatype":"${datatype}","shape":${shape},"data":[${values}]}]}`;

/** The text between the brackets of the first `data`. */
const dataOf = (text: string) => /"data":\[(.*?)\]\}\]\}$/s.exec(text)?.[1];

describe('every datatype comes back as it went in', () => {
  test.each(ROUND_TRIPS)('$datatype', async ({ datatype, given, wanted }) => {
    const running = await run({ model: identity(datatype) });
    const size = JSON.parse(`[${given}]`).length;
    const reply = await infer(running, body(datatype, given, `[${size}]`));
    expect(reply.text).toContain(`"id":"7","outputs":[{"name":"y","datatype":"${datatype}","shape":[${size}],"data":[`);
    expect(dataOf(reply.text)).toBe(wanted ?? given);
  });

  test.each(ROUND_TRIPS)('$datatype in metadata', async ({ datatype }) => {
    const running = await run({ model: identity(datatype, ['batch', 3]) });
    const { json } = await ask(`${running.entry}/v2/models/m`);
    expect(json.inputs).toEqual([{ name: 'x', datatype, shape: [-1, 3] }]);
    expect(json.outputs).toEqual([{ name: 'y', datatype, shape: [-1, 3] }]);
  });
});

describe('64-bit integers are exact where the model computes too', () => {
  test.each([
    ['INT64', '9007199254740993', '9223372036854775807', '-9214364837600034816'],
    ['UINT64', '9007199254740993', '18437736874454810622', '18446744073709551615'],
  ] as const)('%s', async (datatype, a, b, sum) => {
    const running = await run({ model: addition(datatype) });
    const tensor = (name: string, value: string) =>
      `{"name":"${name}","datatype":"${datatype}","shape":[1],"data":[${value}]}`;
    const reply = await infer(running, `{"inputs":[${tensor('a', a)},${tensor('b', b)}]}`);
    expect(dataOf(reply.text)).toBe(sum);
  });

  test('long fractions of another input stay on the fast path and are right', async () => {
    const running = await run({ model: identity('INT64') });
    const reply = await infer(
      running,
      body('INT64', '1,2', '[2]').replace('{"id"', '{"parameters":{"t":0.12345678901234567},"id"'),
    );
    expect(dataOf(reply.text)).toBe('1,2');
  });
});

describe('NaN and infinities travel as strings', () => {
  test.each(['FP16', 'FP32', 'FP64'] as const)('%s', async (datatype) => {
    const running = await run({ model: identity(datatype) });
    const reply = await infer(running, body(datatype, '"NaN",1,"Infinity","-Infinity"', '[4]'));
    expect(reply.status).toBe(200);
    expect(reply.json.outputs[0].data).toEqual(['NaN', 1, 'Infinity', '-Infinity']);
  });

  test('a bare NaN is no JSON, and the message says what to write', async () => {
    const running = await run({ model: identity('FP32') });
    const reply = await infer(running, body('FP32', 'NaN', '[1]'));
    expect(reply.json).toMatchObject({ code: 'MALFORMED_JSON', error: expect.stringContaining('"NaN"') });
  });
});

describe('shapes', () => {
  test.each([
    ['flat', '[2,3]', '1,2,3,4,5,6'],
    ['nested', '[2,3]', '[1,2,3],[4,5,6]'],
    ['nested thrice', '[2,1,3]', '[[1,2,3]],[[4,5,6]]'],
    ['no rows', '[0,3]', ''],
    ['no columns, nested', '[2,0]', '[],[]'],
  ])('%s', async (_name, shape, values) => {
    const running = await run({ model: identity('FP32', 'any rank') });
    const reply = await infer(running, body('FP32', values, shape));
    expect(reply.status, reply.text).toBe(200);
    expect(reply.json.outputs[0]).toEqual({
      name: 'y',
      datatype: 'FP32',
      shape: JSON.parse(shape),
      data: JSON.parse(`[${values}]`).flat(9),
    });
  });

  test.each(['5', '[5]'])('a scalar, as data %s', async (data) => {
    const running = await run({ model: identity('FP32', []) });
    const reply = await infer(running, `{"inputs":[{"name":"x","datatype":"FP32","shape":[],"data":${data}}]}`);
    expect(reply.json.outputs[0]).toMatchObject({ shape: [], data: [5] });
  });
});
