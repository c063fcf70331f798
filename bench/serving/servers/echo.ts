/**
 * The HTTP limit. `same`: a plain echo, JSON is parsed and written again. `json`: reads the request and answers with text
 * that was made beforehand. `binary`: bytes come and go as they are. node echo.ts PORT POOL same|json|binary
 */
import fastify from 'fastify';
import { readPool } from '../models/pool.ts';
import { binaryBody } from '../wires/oip-binary.ts';
import { oipBody } from '../wires/oip-json.ts';

const [port, poolFile, kind] = process.argv.slice(2);
const { outputs } = await readPool(poolFile as string);
const app = fastify({ bodyLimit: 2 ** 28 });

if (kind === 'same') {
  app.post('/v2/models/model/infer', async (request) => request.body);
} else if (kind === 'json') {
  const answers = outputs.map((tensors) =>
    oipBody(tensors).replace(/^\{"inputs"/, '{"model_name":"model","model_version":"v1","outputs"'),
  );
  let next = 0;
  app.post('/v2/models/model/infer', (request, reply) => {
    const { inputs } = request.body as { inputs: unknown[] };
    if (!Array.isArray(inputs)) throw new Error('no inputs');
    reply.type('application/json').send(answers[next++ % answers.length]);
  });
} else {
  const answers = outputs.map((tensors) => {
    const { head, body } = binaryBody(tensors);
    const length = head.toString().replace(/^\{"inputs"/, '{"outputs"');
    return {
      length: Buffer.byteLength(length),
      body: Buffer.concat([Buffer.from(length), body.subarray(head.length)]),
    };
  });
  let next = 0;
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  app.post('/v2/models/model/infer', (_request, reply) => {
    const { length, body } = answers[next++ % answers.length] as (typeof answers)[number];
    reply.header('Inference-Header-Content-Length', length).type('application/octet-stream').send(body);
  });
}
app.get('/v2/health/ready', async () => '');
await app.listen({ port: Number(port), host: '127.0.0.1' });
