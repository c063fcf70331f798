/** What a door serves by itself, and what it leaves to Node: seen from the wire. */
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../../runtime/answer.ts';
import { apart, held, LINE, OTHER, openDoor, plain } from './support.ts';

describe('plain requests', () => {
  test('are answered again and again on one connection, in whatever pieces they come', async () => {
    const { call } = await openDoor();
    const { socket, hears, heard } = call();
    socket.write(plain('one'));
    await hears(/plain one$/);
    const head = plain('three').slice(0, -5);
    await apart(socket, [plain('two').slice(0, -3), 't', 'w', 'o', head, 'three', plain('')]);
    await hears(/plain two.*plain three.*plain $/s);
    expect(heard().match(/HTTP\/1\.1 200 OK\r\n/g)).toHaveLength(4);
    expect(heard()).not.toMatch(/by node/);
  });

  test('that come at once are answered one after the other, in their order', async () => {
    const { serve, next, waiting } = held();
    const { call, door } = await openDoor({ serve });
    const { socket, hears } = call();
    socket.write(plain('one') + plain('two'));
    await apart(socket, [plain('three')]);
    for (const body of ['one', 'two', 'three']) {
      const { request, answer } = await next();
      expect([String(request.body), waiting.length, door.inFlight]).toEqual([body, 0, 1]);
      answer(`answer ${body}`);
    }
    await hears(/answer one.*answer two.*answer three$/s);
    expect(door.inFlight).toBe(0);
  });

  test('of many bytes come whole, and so do their answers', async () => {
    const { call } = await openDoor({ serve: async ({ body }) => ({ status: 200, headers: {}, body }) });
    const { socket, hears, heard } = call();
    const body = Array.from({ length: 500_000 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');
    socket.write(plain(body) + plain('last'));
    await hears(/last$/);
    expect(heard().includes(`\r\n\r\n${body}HTTP/1.1 200 OK`)).toBe(true);
  });

  test('whose body is no text are answered byte by byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const { call } = await openDoor({
      serve: async ({ body }) => ({ status: 200, headers: {}, body: Buffer.from(body) }),
    });
    const { socket, hears, heard } = call();
    socket.write(Buffer.concat([Buffer.from(`${LINE}content-length: 256\r\n\r\n`), bytes]));
    await hears(/\xff$/);
    expect(heard().endsWith(bytes.toString('latin1'))).toBe(true);
  });

  test('are answered in the bytes of UTF-8, with their number', async () => {
    const { call } = await openDoor({ serve: async () => ({ status: 200, headers: {}, body: 'grün ∑' }) });
    const { socket, hears } = call();
    socket.write(plain(''));
    await hears(new RegExp(`content-length: 9\r\n.*${Buffer.from('grün ∑').toString('latin1')}$`, 's'));
  });

  test.each([
    [
      'without a length comes in chunks',
      {},
      /transfer-encoding: chunked.*\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n$/s,
    ],
    ['with a length comes as it is', { 'content-length': '7' }, /content-length: 7\r\n.*\r\n\r\nabcdefg$/s],
  ])('an answer that is a stream %s, and the connection goes on', async (_name, headers, pattern) => {
    const body = () => Readable.from([Buffer.from('abc'), Buffer.alloc(0), Buffer.from('defg')]);
    const { call } = await openDoor({ serve: async () => ({ status: 200, headers: { ...headers }, body: body() }) });
    const { socket, hears, heard } = call();
    socket.write(plain('one'));
    await hears(pattern);
    const before = heard().length;
    socket.write(plain('two'));
    await expect.poll(() => heard().length).toBe(2 * before);
  });

  test('a stream that breaks cuts the connection, so that nobody takes a part for the whole', async () => {
    const body = Readable.from(
      (async function* () {
        yield Buffer.from('abc');
        throw new Error('broken');
      })(),
    );
    const { call, door } = await openDoor({ serve: async () => ({ status: 200, headers: {}, body }) });
    const { socket, closed, heard } = call();
    socket.write(plain('one'));
    await closed;
    expect(heard()).not.toMatch(/\r\n0\r\n\r\n$/);
    await expect.poll(() => door.inFlight).toBe(0);
  });
});

describe('what is not plain', () => {
  test.each([
    ['another route', OTHER],
    ['a body in chunks', `${LINE}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
    ['a body too large', `${LINE}content-length: 1000001\r\n\r\n${'x'.repeat(1_000_001)}`],
    ['what the lane does not take', plain('x', 'x-odd: 1\r\n')],
    ['what expects 100-continue', plain('x', 'expect: 100-continue\r\n')],
  ])('%s is answered by Node, before, between and after plain ones', async (_name, other) => {
    const { call, door } = await openDoor();
    const first = call();
    first.socket.write(other + plain('one'));
    await first.hears(/by node.*by node$/s);
    const between = call();
    between.socket.write(plain('one') + other + plain('two'));
    await between.hears(/plain one.*by node.*by node$/s);
    const after = call();
    after.socket.write(plain('one'));
    await after.hears(/plain one$/);
    after.socket.write(other);
    await after.hears(/plain one.*by node$/s);
    await expect.poll(() => door.inFlight).toBe(0);
  });

  test('empty lines between requests are passed over', async () => {
    const { call } = await openDoor();
    const { socket, hears, heard } = call();
    socket.write(`\r\n${plain('one')}\r\n\r\n${plain('two')}\r\n`);
    await hears(/plain one.*plain two$/s);
    socket.write(plain('three'));
    await hears(/plain three$/);
    expect(heard()).not.toMatch(/by node/);
  });

  test('a head that comes in pieces is answered by Node', async () => {
    const { call } = await openDoor();
    const { socket, hears } = call();
    await apart(socket, ['POST /pl', plain('one').slice(8)]);
    await hears(/by node$/);
  });

  test('what is no HTTP is refused with a code', async () => {
    const { call } = await openDoor();
    const { socket, hears, closed } = call();
    socket.write(`${plain('one')}\0\0\0\0\r\n\r\n`);
    await hears(/plain one.*HTTP\/1\.1 400 Refused.*MALFORMED_HTTP/s);
    await closed;
  });
});

describe('a caller that goes', () => {
  test('is told to whoever works for it, once; its connection ends', async () => {
    const { serve, next } = held();
    const { call, door } = await openDoor({ serve });
    const { socket } = call();
    socket.write(plain('one'));
    const { request, answer } = await next();
    let [gone, stopped] = [0, 0];
    request.onGone(() => gone++);
    request.onGone(() => stopped++)();
    socket.destroy();
    await expect.poll(() => [gone, stopped]).toEqual([1, 0]);
    answer('nobody hears it');
    await expect.poll(() => door.inFlight).toBe(0);
    request.onGone(() => gone++);
    await expect.poll(() => gone).toBe(2);
  });

  test('after its answer is no news', async () => {
    const { serve, next } = held();
    const { call } = await openDoor({ serve });
    const { socket, hears, closed } = call();
    socket.write(plain('one'));
    const { request, answer } = await next();
    let gone = 0;
    request.onGone(() => gone++);
    answer('one');
    await hears(/one$/);
    socket.end();
    await closed;
    expect(gone).toBe(0);
  });

  test('in the middle of a body is answered with a code, and counted', async () => {
    const { call, broken, door } = await openDoor();
    const { socket, closed, heard } = call();
    socket.end(plain('hello', 'x-a: 1\r\n').slice(0, -1));
    await closed;
    expect(heard()).toMatch(/^HTTP\/1\.1 400 Refused.*MALFORMED_HTTP/s);
    await expect.poll(() => broken).toEqual([{ 'x-a': '1', 'content-length': '5' }]);
    expect(door.inFlight).toBe(0);
  });

  test('while its answer is a stream lets go of it', async () => {
    const body = new Readable({ read() {} });
    body.push(Buffer.alloc(100));
    const { call } = await openDoor({ serve: async () => ({ status: 200, headers: {}, body }) });
    const { socket, hears } = call();
    socket.write(plain('one'));
    await hears(/chunked/);
    socket.destroy();
    await expect.poll(() => body.destroyed).toBe(true);
  });
});

test('a reader that does not read is not written to without end', async () => {
  const big = Buffer.alloc(16 * 2 ** 20, 'x');
  let served = 0;
  const serve = async (): Promise<Answer> => {
    served++;
    return { status: 200, headers: {}, body: big };
  };
  const { call, door } = await openDoor({ serve });
  const { socket } = call();
  socket.pause();
  for (let i = 0; i < 20; i++) socket.write(plain(`${i}`));
  await expect.poll(() => served).toBe(1);
  // A round trip of another caller: there was time for the next one.
  const other = call();
  other.socket.write(OTHER);
  await other.hears(/by node$/);
  expect([served, door.inFlight]).toEqual([1, 1]);
  socket.resume();
  await expect.poll(() => served, { timeout: 30_000 }).toBe(20);
});

test('a defect cuts the connection and is told', async () => {
  const { call, failures, door } = await openDoor({ serve: () => Promise.reject(new Error('a defect')) });
  const { socket, closed, heard } = call();
  socket.write(plain('one'));
  await closed;
  expect([heard(), String(failures[0]), door.inFlight]).toEqual(['', 'Error: a defect', 0]);
});

test('an answer with a header that cannot be sent cuts the connection and is told', async () => {
  const serve = async () => ({ status: 200, headers: { x: 'a\r\nb: c' }, body: '' });
  const { call, failures } = await openDoor({ serve });
  const { socket, closed, heard } = call();
  socket.write(plain('one'));
  await closed;
  expect([heard(), String(failures[0])]).toEqual(['', expect.stringMatching(/the header x/)]);
});
