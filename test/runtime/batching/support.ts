/** A batcher whose lanes end their runs when the test says so. */
import { type BatcherOptions, createBatcher } from '../../../runtime/batching/batcher.ts';
import type { Done, Runner, Work } from '../../../runtime/models/runner.ts';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';
import type { Signature } from '../../../runtime/protocol/signature.ts';
import { FakeClock } from '../fake-clock.ts';

/** Rows of any width in, as many out: the default model doubles them. */
export const ROWS: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, -1] }],
};

export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A tensor of rows, each filled with one of the values. */
export function rowsOf(values: readonly number[], width = 1, name = 'x'): Tensor {
  const data = Float32Array.from(values.flatMap((value) => Array<number>(width).fill(value)));
  return { name, datatype: 'FP32', shape: [values.length, width], data };
}

export function doubled([x]: readonly Tensor[]): Tensor[] {
  const { shape, data } = x as Tensor;
  return [{ name: 'y', datatype: 'FP32', shape, data: (data as Float32Array).map((value) => value * 2) }];
}

export interface Outcome {
  done?: Done;
  code?: string;
  /** How often it was answered: 1 once all is over. */
  answers: number;
  /** Of the first output. */
  values?: number[];
}

export interface Asked {
  timeout?: number;
  bytes?: number;
  caller?: object;
  width?: number;
  outputs?: readonly string[];
  inputs?: readonly Tensor[];
  background?: boolean;
}

export interface Started {
  lane: number;
  /** Values of the first input. */
  values: number[];
  own: boolean;
  /** Ends it with what the model gives, or with an error. */
  end(error?: Error): Promise<void>;
}

export type Model = (inputs: readonly Tensor[], outputs: readonly string[]) => Tensor[];

export interface Bench {
  clock: FakeClock;
  runner: Runner;
  /** Hang-ups, by the first value of the request. */
  gone: Map<number, () => void>;
  submit(values: readonly number[], asked?: Asked): Outcome;
}

/** Asks a runner as protocols do. */
export function asking(runner: Runner, clock: FakeClock): Bench {
  const gone = new Map<number, () => void>();
  const submit: Bench['submit'] = (values, asked = {}) => {
    const { timeout = 1_000, bytes = 1, caller = {}, width = 1, outputs = ['y'] } = asked;
    const name = values[0] as number;
    const work: Work = {
      inputs: asked.inputs ?? [rowsOf(values, width)],
      outputs,
      bytes,
      deadline: clock.now() + timeout,
      caller,
      onGone(callback) {
        gone.set(name, callback);
        return () => gone.delete(name);
      },
      background: asked.background ?? false,
    };
    const outcome: Outcome = { answers: 0 };
    runner.submit(work).then(
      (done) => {
        outcome.answers++;
        outcome.done = done;
        outcome.values = Array.from(done.outputs[0]?.data ?? [], Number);
      },
      (error) => {
        outcome.answers++;
        outcome.code = error.code ?? error.message;
      },
    );
    return outcome;
  };
  return { clock, runner, gone, submit };
}

export interface BenchOptions extends Partial<Omit<BatcherOptions, 'lanes' | 'clock' | 'warn'>> {
  lanes?: number;
  model?: Model;
  /** Told of each run as it begins, with the values of its first input. */
  began?(values: readonly number[]): void;
}

export function bench(options: BenchOptions = {}) {
  const { lanes = 1, model = doubled, began = () => {}, ...rest } = options;
  const clock = new FakeClock();
  /** Runs under way, in the order in which they began. */
  const running: Started[] = [];
  /** Values of the first input of every run that began. */
  const ran: number[][] = [];
  const warnings: string[] = [];
  const lane = (index: number) => ({
    run(inputs: readonly Tensor[], outputs: readonly string[], own: boolean): Promise<Tensor[]> {
      const values = Array.from(inputs[0]?.data ?? [], Number);
      ran.push(values);
      began(values);
      if (running.some((other) => other.lane === index)) throw new Error('two runs on one lane');
      return new Promise((resolve, reject) => {
        const started: Started = {
          lane: index,
          values,
          own,
          async end(error) {
            running.splice(running.indexOf(started), 1);
            if (error) {
              reject(error);
            } else {
              try {
                resolve(model(inputs, outputs));
              } catch (thrown) {
                reject(thrown);
              }
            }
            await settle();
          },
        };
        running.push(started);
      });
    },
  });
  const batcher = createBatcher({
    eager: false,
    maxBatchSize: 8,
    maxDelayMs: 0,
    signature: ROWS,
    room: { requests: 10, bytes: 1_000 },
    checks: 0,
    ...rest,
    lanes: Array.from({ length: lanes }, (_, index) => lane(index)),
    clock,
    warn: (message) => warnings.push(message),
  });
  const { gone, submit } = asking(batcher, clock);
  /** Ends the oldest run. */
  const finish = async (error?: Error) => {
    if (!running[0]) throw new Error('nothing runs');
    await running[0].end(error);
  };
  /** Ends runs until none is left. */
  const finishAll = async () => {
    for (await settle(); running.length > 0; ) await finish();
  };
  return { clock, batcher, runner: batcher, running, ran, warnings, gone, submit, finish, finishAll, settle };
}
