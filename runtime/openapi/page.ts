/** The OpenAPI document as one page of HTML: no script, nothing from elsewhere. Pure. */
import type { Document } from './document.ts';

/** For the page: it may load nothing. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f4f4f4;padding:.75rem;overflow:auto}
summary{cursor:pointer;padding:.3rem 0}summary b{display:inline-block;width:4rem}table{border-collapse:collapse}
td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}pre{background:#222}a{color:#8bf}}`;

interface Shown {
  tags: string[];
  summary: string;
  parameters?: { name: string; in: string; description?: string }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
}

interface Media {
  schema?: { $ref?: string };
  example?: unknown;
}

export function buildPage({ info, tags, paths, components }: Document): string {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation: operation as unknown as Shown })),
  );
  const chapters = tags.map(({ name }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<h2>${text(name)}</h2>${own.map(({ path, method, operation }) => show(path, method, operation)).join('')}`;
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details id="${text(name)}"><summary><code>${text(name)}</code></summary>${block(schema)}</details>`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(info.title)}</title><style>${STYLE}</style></head><body><h1>${text(info.title)}</h1>
<p>${text(info.description)} The same for programs: <a href="/docs/openapi.json">openapi.json</a>.</p>
${chapters.join('\n')}<h2>Schemas</h2>${schemas.join('\n')}</body></html>`;
}

function show(path: string, method: string, { summary, parameters = [], requestBody, responses }: Shown): string {
  const head = `<summary><b>${method.toUpperCase()}</b><code>${text(path)}</code> ${text(summary)}</summary>`;
  const named = parameters.map(
    ({ name, in: place, description = '' }) =>
      `<tr><td><code>${text(name)}</code></td><td>${text(place)}</td><td>${text(description)}</td></tr>`,
  );
  const answers = Object.entries(responses).map(
    ([status, { description, content = {} }]) =>
      `<tr><td>${text(status)}</td><td>${text(description)}</td><td>${media(content)}</td></tr>`,
  );
  const example = Object.values(requestBody?.content ?? {}).find((each) => each.example !== undefined)?.example;
  return `<details>${head}${named.length > 0 ? `<table>${named.join('')}</table>` : ''}
${requestBody ? `<p>Body: ${media(requestBody.content)}</p>` : ''}${example === undefined ? '' : block(example)}
<table>${answers.join('')}</table></details>`;
}

function media(content: Record<string, Media>): string {
  return Object.entries(content)
    .map(([type, { schema }]) => {
      const name = schema?.$ref?.split('/').at(-1);
      return `<code>${text(type)}</code>${name === undefined ? '' : ` <a href="#${text(name)}">${text(name)}</a>`}`;
    })
    .join(', ');
}

function block(value: unknown): string {
  return `<pre>${text(JSON.stringify(value, null, 2))}</pre>`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Names come from models and their authors. */
function text(plain: string): string {
  return plain.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] as string);
}
