/** Kinds of methods. */
import { RequestError } from '../errors.ts';
import type { GrpcCall } from './call.ts';
import type { Method } from './services.ts';
import type { Refusal } from './status.ts';

/** The message of an answer, or why there is none. */
type Outcome = Buffer | Refusal;

/** One message in, one out. Whatever is thrown becomes the call's status. */
export function unary(answer: (message: Buffer, call: GrpcCall) => Outcome | Promise<Outcome>): Method {
  return (call) =>
    call.receiveOne((message) => {
      // A handler may throw before it returns a promise.
      new Promise<Outcome>((resolve) => resolve(answer(message, call))).then(
        (outcome) => (Buffer.isBuffer(outcome) ? call.reply(outcome) : call.fail(outcome)),
        (error) => call.refuse(error),
      );
    });
}

/** A method of the contract that is not offered here. @param why and what to do instead */
export function notOffered(why: string): Method {
  return (call) => call.fail(new RequestError('ROUTE_NOT_FOUND', why));
}
