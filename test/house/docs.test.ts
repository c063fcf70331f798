/** The pages hold together: links, pictures, manifests, commands. What a page says that can be checked is checked here. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseModelDeployments } from '../../api/parse.ts';
import { LEADER_RULES, LEASE_RULES, MODEL_RULES, NODE_RULES } from '../../operator/access.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { commandsOf, wordsAfter } from './docs/commands.ts';
import { cliProblem, flagProblem, helmValueProblems, operatorProblem } from './docs/judges.ts';
import { manifestOf } from './docs/manifests.ts';
import { anchorsOf, linksOf, type Page, pageOf, pages, ROOT } from './docs/pages.ts';

const ALL = pages();
const README = 'docs/README.md';
/** Words of a page's code that look like a file of this repository. */
const OUR_FILE = /^(?:\.\/)?(?:examples|charts|crds|cli|operator|bench|test|docs|api|runtime)\/[\w./-]*\w$/;

interface Found {
  page: Page;
  line: number;
}
const at = ({ page, line }: Found, said: string): string => `${page.file}:${line} ${said}`;
const blocks = (...languages: string[]) =>
  ALL.flatMap((page) =>
    page.blocks.filter(({ language }) => languages.includes(language)).map((b) => ({ page, ...b })),
  );
const shell = () =>
  blocks('sh', 'bash', 'console').flatMap(({ page, line, text }) =>
    commandsOf(text).map((command) => ({ page, line: line + command.line, words: command.words })),
  );

it('there are pages', () => {
  expect(ALL.length).toBeGreaterThan(30);
});

describe('links', () => {
  const links = ALL.flatMap((page) => linksOf(page).map((link) => ({ page, ...link })));

  it('lead to files that are there', () => {
    const broken = links.filter(({ to }) => to !== undefined && !existsSync(path.join(ROOT, to)));
    expect(broken.map((link) => at(link, link.target))).toEqual([]);
  });

  it('stay inside the repository', () => {
    expect(links.filter(({ to }) => to?.startsWith('..')).map((link) => at(link, link.target))).toEqual([]);
  });

  it('lead to headings that are there', () => {
    const anchors = new Map(ALL.map((page) => [page.file, anchorsOf(page)]));
    const broken = links.filter(
      ({ to, anchor }) => anchor !== undefined && anchors.get(to ?? '')?.has(anchor) === false,
    );
    expect(broken.map((link) => at(link, link.target))).toEqual([]);
  });

  it('lead from the index of the docs to every page of them', () => {
    const reached = new Set([README]);
    for (const file of reached) {
      for (const { page, to } of links) if (page.file === file && to?.endsWith('.md')) reached.add(to);
    }
    const lost = ALL.map(({ file }) => file).filter((file) => file.startsWith('docs/') && !reached.has(file));
    expect(lost).toEqual([]);
  });

  it('of pictures say what is to be seen', () => {
    const pictures = links.filter(({ picture }) => picture);
    expect(pictures.length).toBeGreaterThan(0);
    expect(pictures.filter(({ text }) => text.length < 10).map((link) => at(link, link.target))).toEqual([]);
    for (const { to = '' } of pictures.filter(({ target }) => target.endsWith('.svg'))) {
      expect(readFileSync(path.join(ROOT, to), 'utf8'), to).toMatch(/^<svg [^>]*role="img"[^>]*aria-label="[^"]{20,}/);
    }
  });
});

describe('manifests', () => {
  const yaml = blocks('yaml');

  it('are YAML', () => {
    for (const block of yaml)
      expect(() => block.text.split(/^---$/m).map((one) => parse(one)), at(block, '')).not.toThrow();
  });

  it('and parts of them are accepted as they stand', () => {
    const ours = yaml.flatMap((block) => {
      const manifest = manifestOf(block.text);
      return manifest === undefined ? [] : [{ ...block, manifest }];
    });
    expect(ours.length).toBeGreaterThan(20);
    const refused = ours.flatMap((block) => {
      const { documents, problems } = parseModelDeployments(block.manifest, block.page.file, { otherKinds: 'ignore' });
      const said = problems.map(({ path: where, message }) => at(block, `${where} ${message}`));
      return documents.length === 0 && said.length === 0 ? [at(block, 'no ModelDeployment')] : said;
    });
    expect(refused).toEqual([]);
  });

  it('JSON is JSON', () => {
    const elided = (text: string) => text.includes('…');
    for (const block of blocks('json').filter(({ text }) => !elided(text))) {
      expect(() => JSON.parse(block.text), at(block, '')).not.toThrow();
    }
  });

  it('Python is Python', () => {
    const check = 'import ast, json, sys\nfor where, text in json.load(sys.stdin): ast.parse(text, where)';
    const sources = blocks('python').map((block) => [at(block, ''), block.text]);
    execFileSync('python3', ['-c', check], { input: JSON.stringify(sources), stdio: ['pipe', 'ignore', 'pipe'] });
  });
});

describe('commands', () => {
  it('of modelship, in code, can be called so', async () => {
    const problems: string[] = [];
    for (const { words, ...found } of shell()) {
      const args = wordsAfter(words, 'modelship');
      const problem = args && (await cliProblem(args));
      if (problem) problems.push(at(found, `modelship ${args.join(' ')}: ${problem}`));
    }
    expect(problems).toEqual([]);
  });

  it('of modelship, in the text, exist with their flags', () => {
    const problems = ALL.flatMap((page) =>
      page.codes.flatMap(({ line, text }) =>
        commandsOf(text).flatMap(({ words }) => {
          const args = wordsAfter(words, 'modelship');
          const problem = args && flagProblem(args);
          return problem ? [at({ page, line }, `${text}: ${problem}`)] : [];
        }),
      ),
    );
    expect(problems).toEqual([]);
  });

  it('of the operator can be called so', async () => {
    const calls = shell().filter(({ words }) => words[0] === 'node' && words[1] === 'operator/main.ts');
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) expect(await operatorProblem(call.words.slice(2)), at(call, '')).toBeUndefined();
  });

  it('of npm run scripts that are there', () => {
    const scripts = Object.keys(packageJson.scripts);
    const named = ALL.flatMap((page) =>
      [...page.text.matchAll(/\bnpm run (?:--silent )?([\w:-]*\w)/g)].map((m) => ({
        page,
        line: page.lineAt(m.index),
        name: m[1],
      })),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(
      named.filter(({ name = '' }) => !scripts.includes(name)).map((one) => at(one, `npm run ${one.name}`)),
    ).toEqual([]);
  });

  it('of helm set values that the chart has', () => {
    const helm = shell().filter(({ words }) => words[0] === 'helm' && words.includes('charts/modelship'));
    expect(helm.length).toBeGreaterThan(0);
    expect(helm.flatMap((one) => helmValueProblems(one.words).map((problem) => at(one, problem)))).toEqual([]);
  });

  it('name files that are there', () => {
    const gone = shell().flatMap((one) =>
      one.words
        .filter((word) => OUR_FILE.test(word) && !existsSync(path.join(ROOT, word)))
        .map((word) => at(one, word)),
    );
    expect(gone).toEqual([]);
  });
});

it('the rights of the operator are those that the page names', () => {
  const page = readFileSync(path.join(ROOT, 'docs/how-to/run-the-operator.md'), 'utf8');
  const rows = page.matchAll(
    /^\| (?:`([a-z0-9.]+)`|\(core\)) \| ((?:`[a-z/]+`(?:, )?)+) \| ([a-z, ]+?)(?:;[^|]*)? \|$/gm,
  );
  const named = [...rows].map(([, group = '', resources = '', verbs = '']) =>
    rightText(group, resources.replaceAll('`', '').split(', '), verbs.split(', ')),
  );
  const rules = [...MODEL_RULES, ...NODE_RULES].flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.map((group) => rightText(group, resources, verbs)),
  );
  const lease = [...LEADER_RULES, ...LEASE_RULES].flatMap(({ verbs }) => verbs);
  expect(named.toSorted()).toEqual([...rules, rightText('coordination.k8s.io', ['leases'], lease)].toSorted());
});

function rightText(group: string, resources: readonly string[], verbs: readonly string[]): string {
  return `${group}: ${resources.toSorted().join(' ')}: ${verbs.toSorted().join(' ')}`;
}

describe('the reader of pages', () => {
  const page = (text: string) => pageOf('docs/x.md', text);

  it('makes anchors as GitHub does', () => {
    const found = anchorsOf(
      page('# A `b` [c](d.md), e!\n## `spec.versions[]`\n## Twice\n```sh\n# no heading\n```\n## Twice\n'),
    );
    expect([...found]).toEqual(['a-b-c-e', 'specversions', 'twice', 'twice-1']);
  });

  it('finds links outside of code alone', () => {
    const found = linksOf(page('[a](../y.md#z) `[b](c)` ![d](e.svg)\n```text\n[f](g)\n```\n'));
    expect(found.map(({ to, anchor }) => [to, anchor])).toEqual([
      ['y.md', 'z'],
      ['docs/e.svg', undefined],
    ]);
  });

  it('takes command lines apart', () => {
    const found = commandsOf(
      "modelship get -A | jq '.a | b' && x \\\n  --y > out.txt # why\n# only a comment\n$(nested) one",
    );
    expect(found.map(({ words }) => words.join(' '))).toEqual([
      'modelship get -A',
      'jq .a | b',
      'x --y',
      '$(nested) one',
    ]);
  });

  it('completes parts of manifests, and leaves other YAML alone', () => {
    expect(manifestOf('checks: [{metric: error-rate, max: 0.01}]')).toContain('kind: ModelDeployment');
    expect(manifestOf('version: v1\nsharing: {}')).toBeUndefined();
    expect(manifestOf('kind: Gateway\nspec: {}')).toBeUndefined();
  });

  it('sees a command line that is wrong', async () => {
    expect(await cliProblem(['rollout', 'watch', 'digits', '--timeout', '30m'])).toBeUndefined();
    for (const wrong of [
      ['rolout'],
      ['get', '--al'],
      ['validate'],
      ['get', '-o', 'xml'],
      ['run', 'a.yaml', '--port', 'x'],
    ]) {
      expect(await cliProblem(wrong), wrong.join(' ')).toBeDefined();
    }
    expect(flagProblem(['rollout', 'undo'])).toBeUndefined();
    expect(flagProblem(['rollout', 'undo', '--prnt'])).toBeDefined();
    expect(helmValueProblems(['--set', 'scope=namespace,no.such=1'])).toEqual(['the chart has no value no.such']);
  });
});
