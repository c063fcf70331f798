/** The API reference in Markdown: one table per object, shallow objects first. */
import { API_VERSION, KIND } from '../model-deployment.ts';
import { CANARY, SMALLEST } from './examples.ts';
import { FORMATS, inline, modelDeploymentSchema, type SchemaNode } from './notes.ts';

interface Section {
  /** Path of the object, such as `spec.versions[].model`. */
  title: string;
  node: SchemaNode;
}

type Link = (node: SchemaNode, text: string) => string;

export function reference(): string {
  const root = modelDeploymentSchema('openapi-3.0');
  const { sections, titleOf } = collect(root);
  const link: Link = (node, text) => `[${text}](#${slug(titleOf(node))})`;
  return `${[intro(), ...sections.map((section) => render(section, link)), writtenForms()].join('\n\n')}\n`;
}

/** Every object with fields, breadth first. One that is there twice (serving, in spec and in a version) is told once. */
function collect(root: SchemaNode): { sections: Section[]; titleOf: (node: SchemaNode) => string } {
  const known = new Map<string, string>();
  const sections: Section[] = [];
  const queue: Section[] = [{ title: '', node: root }];
  for (const { title, node } of queue) {
    if (node.items) queue.push({ title: `${title}[]`, node: node.items });
    if (!node.properties || known.has(identity(node))) continue;
    known.set(identity(node), title);
    sections.push({ title, node });
    for (const [name, inner] of Object.entries(node.properties)) {
      queue.push({ title: title ? `${title}.${name}` : name, node: inner });
    }
  }
  // Status reads as one piece, and last.
  sections.sort((a, b) => Number(isStatus(a)) - Number(isStatus(b)));
  return { sections, titleOf: (node) => known.get(identity(node)) ?? '' };
}

const isStatus = ({ title }: Section): boolean => title === 'status' || title.startsWith('status.');

const identity = (node: SchemaNode): string => JSON.stringify([node.properties, node.required]);

/** As GitHub makes an anchor of a heading. */
const slug = (title: string): string => (title === '' ? KIND : title).toLowerCase().replaceAll(/[^a-z0-9-]/g, '');

function render({ title, node }: Section, link: Link): string {
  const rows = Object.entries(node.properties ?? {}).map(([name, inner]) =>
    row([
      `\`${name}\``,
      typeOf(inner, link),
      defaultOf(inner, node.required?.includes(name) ?? false, title),
      inner['x-unit'] ?? '',
      description(inner),
    ]),
  );
  const rules = (node['x-kubernetes-validations'] ?? []).map(({ message }) => `- ${message}`);
  return [
    `${title === '' || !title.includes('.') ? '##' : '###'} ${title === '' ? KIND : `\`${title}\``}`,
    ...(node.description ? [node.description] : []),
    [row(['Field', 'Type', 'Default', 'Unit', 'Description']), row(['---', '---', '---', '---', '---']), ...rows].join(
      '\n',
    ),
    ...(rules.length > 0 ? [`Rules:\n\n${rules.join('\n')}`] : []),
  ].join('\n\n');
}

function typeOf(node: SchemaNode, link: Link): string {
  if (node['x-format']) {
    const form = `[${node['x-format']}](#written-forms)`;
    return node['x-range'] ? `${form}, ${node['x-range']}` : form;
  }
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(', ');
  if (node.properties) return link(node, 'object');
  if (node['x-kubernetes-preserve-unknown-fields']) return 'object of Kubernetes';
  if (node.items) {
    const unique = (node['x-kubernetes-list-map-keys'] as string[] | undefined)?.join(' and ');
    const keyed = unique ? `, unique by \`${unique}\`` : '';
    return `list of ${typeOf(node.items, link)}${bounds(node.minItems, node.maxItems, ' items')}${keyed}`;
  }
  if (typeof node.additionalProperties === 'object') return `map of ${typeOf(node.additionalProperties, link)}`;
  if (node.type === 'string') return `string${bounds(node.minLength, node.maxLength, ' characters')}`;
  return `${node.type}${bounds(node.minimum, node.maximum, '')}`;
}

function bounds(from: unknown, to: unknown, of: string): string {
  const known = (value: unknown): value is number =>
    typeof value === 'number' && Math.abs(value) !== Number.MAX_SAFE_INTEGER;
  if (known(from) && known(to)) return `, ${from} to ${to}${of}`;
  if (known(to)) return `, at most ${to}${of}`;
  return known(from) ? `, at least ${from}${of}` : '';
}

function defaultOf(node: SchemaNode, required: boolean, section: string): string {
  if (required) return '**required**';
  if (node['x-default'] !== undefined) return `\`${inline(node['x-default'])}\``;
  if (node['x-absent'] !== undefined) return `*${node['x-absent']}*`;
  if (section.startsWith('status')) return '';
  throw new Error(`${section}: a field without a default; say in api/ what it means to leave it out`);
}

function description(node: SchemaNode): string {
  // A duration's range stands in its type, an object's rules below its own table.
  const rules = node['x-range'] || node.properties ? [] : (node['x-kubernetes-validations'] ?? []);
  return [node.description ?? '', ...rules.map(({ message }) => `**Rule: ${message}.**`)].join(' ').trim();
}

const row = (cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

function intro(): string {
  return `<!-- Generated by \`npm run generate\` from api/. Do not edit. -->
# ${KIND}

\`${API_VERSION}\`, namespaced. \`kubectl get mdep\` lists them; they are also in the categories \`all\` and \`modelship\`.
Unknown fields are refused. Defaults are applied in code and never stored, so what is in the cluster is what was written.

The smallest one:

\`\`\`yaml
${SMALLEST.trim()}
\`\`\`

A careful one: a canary that is walked in steps and watched, and a shadow.

\`\`\`yaml
${CANARY.trim()}
\`\`\`

For completion and checks while you write, point your editor at [the JSON Schema](../schema/modeldeployment.json):
\`# yaml-language-server: $schema=…/docs/schema/modeldeployment.json\` as the first line of a file.`;
}

function writtenForms(): string {
  const lines = Object.entries(FORMATS).map(([name, form]) => `- **${name}**: ${form}.`);
  return `## Written forms\n\n${lines.join('\n')}`;
}
