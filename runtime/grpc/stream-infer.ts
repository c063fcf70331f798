/** `ModelStreamInfer`: many inferences on one call, each with its own split, answered in their order. */
import { RequestError } from '../errors.ts';
import type { GrpcCall } from './call.ts';
import { oipGrpc } from './infer-codec.ts';
import { readHead } from './infer-request.ts';
import { bytesOf, callOf, refusedAnswer } from './inference-service.ts';
import { encode, INFER_RESPONSE, STREAM_RESPONSE } from './messages.ts';
import type { GrpcContext, Method } from './services.ts';

/** Of one stream, at a time; no more are read meanwhile. */
const MOST_IN_FLIGHT = 16;

/** As Triton says it of a request's last answer: here each has one. */
const FINAL = encode(INFER_RESPONSE, { parameters: [{ key: 'triton_final_response', value: { bool_param: true } }] });

export function modelStreamInfer(context: GrpcContext): Method {
  return (call) => {
    const { recorder } = context;
    call.onRefused = (status) => recorder.refused(status);
    let last: Promise<void> = Promise.resolve();
    let draining = false;
    const inTurn = (step: () => void | Promise<void>) => {
      last = last.then(step).catch((error) => call.refuse(error));
    };
    call.begin();
    call.receiveEach(MOST_IN_FLIGHT, {
      message(message) {
        // The status says which were not answered: all after the last answer.
        if (draining) return;
        const answered = answerOf(message, call, context);
        inTurn(async () => {
          await call.send(await answered);
          call.dealtWith();
        });
      },
      end: () => inTurn(() => call.finish()),
    });
    call.onDrain = () => {
      draining = true;
      const message = 'this process is shutting down; open the stream again and repeat what was not answered';
      inTurn(() => {
        call.onRefused = undefined;
        call.fail(new RequestError('NOT_READY', message));
      });
    };
  };
}

/** A failed inference is an answer too: the stream goes on. */
async function answerOf(message: Buffer, call: GrpcCall, { inference }: GrpcContext): Promise<Buffer> {
  const head = readHead(message);
  const answer = await inference.infer(callOf(call, 'ModelInfer', message, head, 'grpc-stream'), oipGrpc);
  if (answer.status === 200) {
    // A message may be written in parts: fields of the second are added to the first.
    const whole = Buffer.concat([await bytesOf(answer), FINAL]);
    return encode(STREAM_RESPONSE, { infer_response: whole });
  }
  const { code, message: why } = await refusedAnswer(answer);
  const told = encode(INFER_RESPONSE, {
    model_name: head.model,
    model_version: head.version,
    id: head.id,
    parameters: [{ key: 'modelship-code', value: { string_param: code } }],
  });
  return encode(STREAM_RESPONSE, { error_message: why, infer_response: Buffer.concat([told, FINAL]) });
}
