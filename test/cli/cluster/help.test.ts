import { describe, expect, it } from 'vitest';
import { ran } from '../support.ts';

describe('the commands on a cluster', () => {
  it.each(['get', 'describe', 'history', 'events'])('%s teaches by example', async (command) => {
    const { code, out } = await ran([command, '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/Examples:\n {2}# /);
    expect(out).toMatch(/Exit codes:\n {2}0 /);
    expect(out).toContain('--kubeconfig <file>');
  });

  it.each<[string, RegExp]>([
    ['get -A -n models', /'-A, --all-namespaces' cannot be used with option '-n, --namespace <name>'/],
    ['describe', /missing required argument 'name'/],
    ['describe digits -A', /unknown option '-A'/],
    ['history digits --revision one', /Expected a whole number of 0 or more/],
    ['get -o yaml', /Allowed choices are table, json/],
    ['get --kubeconfig nowhere', /^error: there is no kubeconfig at nowhere\n$/],
  ])('%s is a mistake in the command line', async (line, message) => {
    const { code, out, err } = await ran(line.split(' '));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });
});
