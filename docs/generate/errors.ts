/** `docs/errors.md`: every coded error, from the catalogues of the code. */
import { EXIT_MEANINGS } from '../../cli/exit-codes.ts';
import { LOAD_CATALOGUE, REQUEST_CATALOGUE } from '../../runtime/error-catalogue.ts';

export function errorsPage(): string {
  const answers = Object.entries(REQUEST_CATALOGUE).map(([code, { status, says, todo }]) =>
    row([`\`${code}\``, String(status), says, todo]),
  );
  const starts = Object.entries(LOAD_CATALOGUE).map(([code, { says, todo }]) => row([`\`${code}\``, says, todo]));
  const exits = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => row([code, meaning]));
  return `<!-- Made by \`npm run generate\` from runtime/error-catalogue.ts and cli/exit-codes.ts. Edit those instead. -->
# Errors

A code is part of the API: it does not change its meaning, and this page is made from the code. What the operator says of a
ModelDeployment has reasons of its own: [the status](reference/status.md#reasons).

## Answers

A refused request is answered with \`{"error": "what was wrong, where, and what to do", "code": "CODE"}\` and the header
\`modelship-version\`, which names the version that speaks. Messages name the tensor and what the model takes; they are for
people and may change. On a retry: 4xx answers will be the same again; 503 carries \`Retry-After\`.

| code | status | meaning | what to do |
|---|---|---|---|
${answers.join('\n')}

## Failed starts

A process that can't start, or not go on, ends with exit code 1. \`CODE: message\` goes to stderr and to the termination log, at most
4 KiB, and from there to the status of the ModelDeployment.

| code | meaning | what to do |
|---|---|---|
${starts.join('\n')}

## Exit codes of the command line

Of \`modelship\`; [each command](cli.md) says what they mean there.

| exit code | meaning |
|---|---|
${exits.join('\n')}
`;
}

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
