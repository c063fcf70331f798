/**
 * HTTP/1.1 keep-alive, one raw socket a slot. It reads the status, the length and no more, so that it costs less than
 * what it measures.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Outcome, Transport } from './transport.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;
const CLOSES = /\r\nconnection: *close/i;

interface Slot {
  socket: Socket;
  done: ((outcome: Outcome) => void) | undefined;
  keep: boolean;
  /** What has come of an answer that is not whole, while its head is not read or the answer is kept. */
  parts: Buffer[];
  head: string;
  /** Bytes of the body still to come; −1: the head is not whole; Infinity: chunked. */
  missing: number;
}

export async function openHttp1(port: number, slots: number): Promise<Transport> {
  const open = Array.from({ length: slots }, () => openSlot(port));
  await Promise.all(open.map(({ socket }) => once(socket, 'connect')));
  return {
    send(index, request, keep, done) {
      const slot = open[index] as Slot;
      if (slot.socket.destroyed) return reopen(port, slot, request, keep, done);
      slot.keep = keep;
      slot.done = done;
      slot.socket.write(request);
    },
    close() {
      for (const slot of open) {
        slot.done = undefined;
        slot.socket.destroy();
      }
    },
  };
}

function openSlot(port: number): Slot {
  const slot: Slot = {
    socket: connect(port, '127.0.0.1'),
    done: undefined,
    keep: false,
    parts: [],
    head: '',
    missing: -1,
  };
  attach(slot);
  return slot;
}

function attach(slot: Slot): void {
  const { socket } = slot;
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => receive(slot, chunk));
  socket.on('error', () => {});
  socket.on('close', () => {
    // Not when a new one has taken its place.
    if (slot.socket === socket) finish(slot, { failure: 'closed' });
  });
}

/** A server that closes connections is met with new ones, and pays for them. */
function reopen(port: number, slot: Slot, request: Buffer, keep: boolean, done: (outcome: Outcome) => void): void {
  slot.socket = connect(port, '127.0.0.1');
  Object.assign(slot, { keep, done, parts: [], head: '', missing: -1 });
  attach(slot);
  slot.socket.write(request);
}

function finish(slot: Slot, outcome: Outcome): void {
  const { done } = slot;
  Object.assign(slot, { done: undefined, parts: [], head: '', missing: -1 });
  done?.(outcome);
}

function receive(slot: Slot, chunk: Buffer): void {
  if (slot.missing >= 0 && slot.missing !== Number.POSITIVE_INFINITY) {
    slot.missing -= chunk.length;
    if (slot.keep) slot.parts.push(chunk);
    if (slot.missing <= 0) complete(slot);
    return;
  }
  const all = slot.parts.length === 0 ? chunk : Buffer.concat([...slot.parts, chunk]);
  if (slot.missing < 0) {
    const end = all.indexOf(HEAD_END);
    if (end < 0) {
      slot.parts = [all];
      return;
    }
    begin(slot, all.toString('latin1', 0, end), all.subarray(end + HEAD_END.length));
  } else {
    withChunks(slot, all);
  }
}

function begin(slot: Slot, head: string, body: Buffer): void {
  slot.head = head;
  // A failure says why in its body.
  if (head.charCodeAt(9) !== 0x32) slot.keep = true;
  const length = LENGTH.exec(head)?.[1];
  if (length === undefined && CHUNKED.test(head)) {
    withChunks(slot, body);
    return;
  }
  slot.missing = Number(length ?? 0) - body.length;
  slot.parts = slot.keep ? [body] : [];
  if (slot.missing <= 0) complete(slot);
}

function withChunks(slot: Slot, raw: Buffer): void {
  slot.missing = Number.POSITIVE_INFINITY;
  const body = dechunked(raw);
  slot.parts = [body ?? raw];
  if (body) complete(slot);
}

function complete(slot: Slot): void {
  const { head, keep, parts, socket } = slot;
  if (CLOSES.test(head)) socket.destroy();
  const status = head.slice(9, 12);
  const answer = keep ? { head, body: Buffer.concat(parts) } : undefined;
  finish(slot, { ...(status !== '200' && { failure: `HTTP ${status}` }), ...(answer && { answer }) });
}

/** The body of a chunked message; undefined when it is not whole. */
export function dechunked(raw: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = raw.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(raw.toString('latin1', at, line), 16);
    const next = line + 2 + size + 2;
    if (Number.isNaN(size) || raw.length < next) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(raw.subarray(line + 2, line + 2 + size));
    at = next;
  }
}
