/** Errors as a GraphQL answer shows them: `extensions` carry the code and the status that REST would answer. */
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { type Answer, VERSION_HEADER } from '../answer.ts';
import { RequestError } from '../errors.ts';

/** Messages of the GraphQL library repeat what was sent, however long. */
const MOST_MESSAGE = 500;

export function formatted(error: RequestError): GraphQLFormattedError {
  return { message: error.message, extensions: extensionsOf(error) };
}

function extensionsOf({ code, status, headers }: RequestError): Record<string, unknown> {
  const { [VERSION_HEADER]: version, 'retry-after': retryAfter } = headers;
  return {
    code,
    status,
    ...(version !== undefined && { version }),
    ...(retryAfter !== undefined && { retryAfter: Number(retryAfter) }),
  };
}

/**
 * An error that came up while an operation was executed.
 * @param unforeseen told of what is a defect; its details stay in the log
 */
export function formatExecuted(error: GraphQLError, unforeseen: (error: unknown) => void): GraphQLFormattedError {
  const { originalError, locations, path } = error;
  const at = { ...(locations && { locations }), ...(path && { path }) };
  if (originalError instanceof RequestError) return { ...formatted(originalError), ...at };
  // Thrown by a resolver with a code of its own.
  if (error.extensions.code !== undefined) return { message: error.message, ...at, extensions: error.extensions };
  // Found when the variables were put in, which validation does not see.
  if (error.message.startsWith('Argument "')) return { ...formatted(refusedArgument(error)), ...at };
  unforeseen(originalError ?? error);
  return { ...formatted(new RequestError('INTERNAL', 'something went wrong here; the log says what')), ...at };
}

function refusedArgument({ message }: GraphQLError): RequestError {
  return new RequestError('INVALID_REQUEST', message.slice(0, MOST_MESSAGE));
}

/** What mercurius throws before it executes: a document that is refused. @returns undefined for anything else */
export function refusedDocument(error: unknown): GraphQLFormattedError[] | undefined {
  const { errors } = error as { errors?: unknown };
  if (!Array.isArray(errors)) return undefined;
  return errors.map((each: Error) => {
    const locations = each instanceof GraphQLError ? each.locations : undefined;
    return {
      message: each.message.slice(0, MOST_MESSAGE),
      ...(locations && { locations }),
      extensions: { code: 'INVALID_REQUEST', status: 400 },
    };
  });
}

/** The error that an inference answer of another status than 200 stands for. */
export function failedInference(answer: Answer, text: string): GraphQLError {
  const version = answer.headers[VERSION_HEADER];
  const retryAfter = answer.headers['retry-after'];
  const { error, code } = coded(text);
  return new GraphQLError(error ?? `version '${version}' answered with the status ${answer.status}`, {
    extensions: {
      code: code ?? 'VERSION_UNAVAILABLE',
      status: answer.status,
      ...(version !== undefined && { version }),
      ...(retryAfter !== undefined && { retryAfter: Number(retryAfter) }),
    },
  });
}

function coded(text: string): { error?: string; code?: string } {
  try {
    const { error, code } = JSON.parse(text);
    return typeof error === 'string' && typeof code === 'string' ? { error, code } : {};
  } catch {
    return {};
  }
}
