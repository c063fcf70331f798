import { describe, expect, it } from 'vitest';
import { SMALLEST } from '../../api/generate/examples.ts';
import { said, saidOf, V1 } from './said.ts';

describe('an unknown field', () => {
  it('is pointed at, with the name that was meant', () => {
    expect(saidOf('  versions:\n    - name: v1\n      model: {uri: a}\n      trafic: 100\n')).toEqual([
      'f.yaml:8:7 spec.versions[0].trafic: unknown field; did you mean "traffic"?',
    ]);
  });

  it('is sent to where a field of its name is', () => {
    expect(saidOf(`${V1}  replicas: 2\n`)).toEqual([
      'f.yaml:6:3 spec.replicas: unknown field; did you mean spec.serving.replicas?',
    ]);
  });

  it('gets the names that are there when none is near', () => {
    expect(saidOf(`${V1}  cohort: {header: x, banana: 1}\n`)).toEqual([
      'f.yaml:6:23 spec.cohort.banana: unknown field, expected one of header',
    ]);
  });
});

describe('a slip of YAML', () => {
  const DURATION = 'a duration such as 250ms, 30s, 5m or 1h30m';
  it.each([
    [
      'a quoted number',
      'warmup: {requests: "8"}',
      'got the text "8", expected a whole number from 0 to 1000; write 8 without quotes',
    ],
    ['a fraction', 'replicas: 1.5', 'got 1.5, expected a whole number from 1 to 1000'],
    ['a number out of range', 'replicas: 0', 'got 0, expected at least 1'],
    ['a yes', 'session: {arena: yes}', 'got the text "yes", expected true or false; write true without quotes'],
    [
      'a time without unit',
      'batching: {maxDelay: 5}',
      `got 5, expected ${DURATION}; write it with a unit, such as 5s or 5ms`,
    ],
    ['a unit spelt out', 'limits: {timeout: 30 sec}', `got the text "30 sec", expected ${DURATION}; write 30s`],
    ['a day', 'cache: {size: 1Mi, ttl: 2d}', `got the text "2d", expected ${DURATION}; write 48h`],
    [
      'bytes with a B',
      'limits: {body: 16MB}',
      'got the text "16MB", expected a size such as 512Ki, 16Mi or 1.5Gi; write 16Mi, or 16M for powers of ten',
    ],
    [
      'half a core',
      'resources: {requests: {cpu: 0.5}}',
      'got 0.5, expected a quantity such as 1, 500m, 128Mi or 40Gi; write "0.5" in quotes, or 500m',
    ],
    ['one for a list', 'protocols: rest', 'got the text "rest", expected a list; write [rest]'],
    [
      'a near value',
      'session: {graphOptimization: Extendd}',
      'got the text "Extendd", expected one of disabled, basic, extended, all; did you mean "extended"?',
    ],
    ['a number for text', 'gpu: {count: 1, runtimeClass: 1}', 'got 1, expected text; put it in quotes: "1"'],
  ])('%s', (_, serving, message) => {
    expect(saidOf(`${V1}  serving: {${serving}}\n`).map((line) => line.replace(/^\S+ \S+ /, ''))).toEqual([message]);
  });

  it('a percent sign', () => {
    expect(saidOf('  versions: [{name: v1, model: {uri: a}, traffic: 100%}]\n')).toEqual([
      'f.yaml:5:42 spec.versions[0].traffic: got the text "100%", expected a number from 0 to 100; write 100 without the percent sign',
    ]);
  });

  it('a digest of digits alone is shown as it is written', () => {
    const digits = '1'.repeat(64);
    expect(saidOf(`  versions: [{name: v1, model: {uri: a, sha256: ${digits}}}]\n`)).toEqual([
      `f.yaml:5:41 spec.versions[0].model.sha256: got ${digits}, expected text; put it in quotes: "${digits}"`,
    ]);
  });

  it('a mistyped scheme', () => {
    expect(saidOf('  versions: [{name: v1, model: {uri: "pcv://claim/x"}}]\n')[0]).toMatch(/; write pvc:\/\/claim\/x$/);
  });

  it('a name that only needs other letters', () => {
    expect(said(SMALLEST.replace('name: digits', 'name: My_Model'))[0]).toMatch(/; write my-model$/);
  });
});
