/** Any error → the coded JSON answer that the caller gets. */
import { type Answer, VERSION_HEADER } from './answer.ts';
import { RequestError } from './errors.ts';

/** What `answerOf` needs to know of errors that fastify raises by itself. */
interface FrameworkError extends Error {
  code?: string;
  statusCode?: number;
}

/** The coded error behind any thrown value; what nobody foresaw is INTERNAL and keeps its details for the log. */
export function codedError(error: unknown, bodyBytes: number): RequestError {
  if (error instanceof RequestError) return error;
  const { code = '', statusCode = 500, message } = error as FrameworkError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new RequestError(
      'BODY_TOO_LARGE',
      `the body is larger than ${bodyBytes} bytes, the limit here (serving.limits.body)`,
    );
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new RequestError('UNSUPPORTED_MEDIA_TYPE', 'the content type is not understood; send application/json');
  }
  if (statusCode >= 400 && statusCode < 500) return new RequestError('INVALID_REQUEST', message);
  return new RequestError('INTERNAL', 'something went wrong here; the log of this process says what');
}

/** @param version the version that speaks, unless the error names another in its headers */
export function errorAnswer(error: RequestError, version: string): Answer {
  return {
    status: error.status,
    headers: { 'content-type': 'application/json; charset=utf-8', [VERSION_HEADER]: version, ...error.headers },
    body: JSON.stringify({ error: error.message, code: error.code }),
  };
}
