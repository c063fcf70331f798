import { describe, expect, test } from 'vitest';
import { type Launch, launchArgs } from '../../api/launch.ts';
import { parseLaunch, terminationLogOf } from '../../runtime/launch-args.ts';
import { launchWith } from './harness.ts';

describe('the command line', () => {
  test.each<[string, Partial<Launch>]>([
    ['the least', {}],
    [
      'everything',
      {
        sha256: 'a'.repeat(64),
        golden: { uri: '/mnt/claims/models/digits/golden.json', tolerance: 1e-7 },
        table: '/traffic/traffic.json',
        entry: 'none',
        direct: '[::]:8082',
        terminationLog: '/dev/termination-log',
        drainDelayMs: 5_000,
        logLevel: 'debug',
      },
    ],
  ])('reads back what launchArgs wrote: %s', (_name, changes) => {
    expect(parseLaunch(launchArgs(launchWith(changes)))).toEqual(launchWith(changes));
  });

  const without = (flag: string) => {
    const args = launchArgs(launchWith());
    args.splice(args.indexOf(flag), 2);
    return args;
  };
  const replaced = (flag: string, value: string) => {
    const args = launchArgs(launchWith());
    args[args.indexOf(flag) + 1] = value;
    return args;
  };

  test.each<[string, string[], RegExp]>([
    ['nothing at all', [], /--model: is missing; --version: is missing; --uri: is missing; --serving: is missing/],
    ['a missing flag', without('--version'), /^--version: is missing$/],
    ['an unknown flag', [...launchArgs(launchWith()), '--colour', 'red'], /--colour/],
    ['a word too many', [...launchArgs(launchWith()), 'more'], /more/],
    ['an address without a port', replaced('--direct', 'localhost'), /^--direct: expected HOST:PORT$/],
    ['an entry that is neither none nor an address', replaced('--entry', 'nowhere'), /^--entry: .*HOST:PORT/],
    ['a delay that is no number', replaced('--drain-delay', 'long'), /^--drain-delay: /],
    ['an unknown log level', replaced('--log-level', 'loud'), /^--log-level: .*"debug"/],
    ['serving that is no JSON', replaced('--serving', '{'), /^--serving: not JSON/],
    [
      'serving that lacks a part',
      replaced('--serving', '{}'),
      /--serving \(limits\): is missing|--serving \(limits\): /,
    ],
    [
      'golden requests without a tolerance',
      [...launchArgs(launchWith()), '--golden', 'g.json'],
      /^--golden-tolerance: is missing$/,
    ],
    ['a tolerance of nothing', [...launchArgs(launchWith()), '--golden-tolerance', '1'], /^--golden: is missing$/],
    [
      'a tolerance that is no number',
      [...launchArgs(launchWith()), '--golden', 'g.json', '--golden-tolerance', 'some'],
      /^--golden-tolerance: .*number/,
    ],
    ['a digest that is none', [...launchArgs(launchWith()), '--sha256', 'abc'], /^--sha256: /],
  ])('%s', (_name, args, says) => {
    expect(() => parseLaunch(args)).toThrow(
      expect.objectContaining({ code: 'LAUNCH_INVALID', message: expect.stringMatching(says) }),
    );
  });

  test('the termination log is found in any command line', () => {
    expect(terminationLogOf(['--nonsense', '--termination-log', '/x'])).toBe('/x');
    expect(terminationLogOf(['--termination-log=/x'])).toBe('/x');
    expect(terminationLogOf([])).toBeUndefined();
  });
});
