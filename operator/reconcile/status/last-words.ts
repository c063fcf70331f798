/** What a container that ended left behind: its termination message, or the end of its log. */
import { cut, oneLine } from './words.ts';

export interface LastWords {
  /** Code of the runtime's catalogue. */
  code?: string;
  /** One line. */
  words: string;
}

/** `CODE: message`, as the runtime writes it; the message may be cut off at 4 KiB. */
const CODED = /^([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*): (.+)/s;
const LEVELS = new Set(['DEBUG', 'ERROR', 'FATAL', 'INFO', 'WARN', 'WARNING']);
const LENGTH = 1_024;

/** @param ours whether the runtime wrote it: the words of others carry no code of ours */
export function lastWords(text: string, ours: boolean): LastWords {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (ours) {
    // The whole text when it is the termination log, one of the lines when it is the end of a log.
    for (const said of [text, ...lines.toReversed()]) {
      const [, code, message] = CODED.exec(said) ?? [];
      if (code && message && !LEVELS.has(code)) return { code: code.slice(0, 64), words: tidy(message) };
    }
  }
  const telling = lines.findLast((line) => /^\s*(?:Uncaught )?\w*Error: /.test(line)) ?? lines.at(-1) ?? '';
  return { words: tidy(fromLog(telling)) };
}

/** What a line of a JSON log says. */
function fromLog(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { msg } = JSON.parse(line) as { msg?: unknown };
    return typeof msg === 'string' ? msg : line;
  } catch {
    return line;
  }
}

function tidy(text: string): string {
  return cut(oneLine(text), LENGTH);
}
