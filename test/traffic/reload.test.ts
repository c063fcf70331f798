import { mkdir, readdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { realClock } from '../../runtime/clock.ts';
import { TableSource } from '../../runtime/traffic/table-source.ts';
import {
  FakeClock,
  healthy,
  MODEL,
  replaceFile,
  rigWith,
  tableOf,
  temporaryFolder,
  until,
  upstream,
  writeTable,
} from './support.ts';

const HALVES = { v1: 5_000, v2: 5_000 };

async function sourceOf(content?: string, clock = new FakeClock()) {
  const folder = await temporaryFolder();
  const file = join(folder, 'traffic.json');
  if (content !== undefined) await replaceFile(file, content);
  const logged: { message: string; why?: string }[] = [];
  const log = (details: object, message: string) => void logged.push({ ...details, message });
  const tables: TrafficTable[] = [];
  const source = new TableSource({
    file,
    model: MODEL,
    clock,
    logger: { info: log, warn: log },
    onTable: (table) => void tables.push(table),
  });
  onTestFinished(() => source.stop());
  return { folder, file, source, logged, tables, clock };
}

const asJson = (parts: Partial<TrafficTable> = {}) => JSON.stringify({ ...tableOf({ shares: HALVES }), ...parts });

describe('the file of the table', () => {
  test('is in force once the start is over', async () => {
    const { source, tables } = await sourceOf(asJson());
    await source.start();
    expect(source.table?.revision).toBe(1);
    expect(tables).toHaveLength(1);
  });

  test('may come later, with its folder too', async () => {
    const { folder, file, source, logged, clock } = await sourceOf();
    await rm(folder, { recursive: true });
    await source.start();
    for (let i = 0; i < 3; i++) await source.check();
    expect(logged.map(({ message }) => message)).toEqual(['the traffic table cannot be read']);
    await mkdir(folder);
    await replaceFile(file, asJson());
    clock.advance(1_000);
    await until(() => source.table?.revision === 1);
    await replaceFile(file, asJson({ revision: 2 }));
    await until(() => source.table?.revision === 2);
  });

  const REFUSED = {
    'that is not JSON': '{"model":',
    'that is empty': '',
    'whose slots overlap': asJson({ revision: 2, versions: overlapping() }),
    'of another model': asJson({ revision: 2, model: 'iris' }),
    'of the same revision that says something else': asJson({ revision: 2, primary: 'v2' }),
    'of an older revision': asJson({ revision: 1, primary: 'v2' }),
    'with fields that nobody knows': JSON.stringify({ ...tableOf({ shares: HALVES, revision: 3 }), more: true }),
  };
  for (const [name, content] of Object.entries(REFUSED)) {
    test(`keeps the table in force when it is replaced by one ${name}, and says so once`, async () => {
      const { file, source, logged } = await sourceOf(asJson({ revision: 2 }));
      await source.start();
      await replaceFile(file, content);
      for (let i = 0; i < 3; i++) await source.check();
      expect(source.table).toMatchObject({ revision: 2, primary: 'v1' });
      expect(logged.filter(({ message }) => message === 'the traffic table is refused')).toHaveLength(1);
      expect(source.refused).toBe(1);
      await replaceFile(file, asJson({ revision: 2 }));
      await source.check();
      expect(source.refused).toBe(1);
      await replaceFile(file, asJson({ revision: 3 }));
      await source.check();
      expect(source.table?.revision).toBe(3);
    });
  }

  test('that vanishes keeps the table in force', async () => {
    const { file, source } = await sourceOf(asJson());
    await source.start();
    await unlink(file);
    await source.check();
    expect(source.table?.revision).toBe(1);
  });

  test('is seen at once when it is renamed over, without a poll', async () => {
    const { file, source } = await sourceOf(asJson());
    await source.start();
    for (let revision = 2; revision < 6; revision++) {
      await writeTable(file, tableOf({ shares: HALVES, revision }));
      await until(() => source.table?.revision === revision);
    }
  });

  test('is seen at once when a kubelet swaps its ..data link, without a poll', async () => {
    const { folder, file, source } = await sourceOf();
    const swap = async (revision: number) => {
      const name = `..2026_${revision}`;
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'traffic.json'), asJson({ revision }));
      await symlink(name, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
      for (const old of await readdir(folder)) {
        if (old.startsWith('..2026') && old !== name) await rm(join(folder, old), { recursive: true });
      }
    };
    await swap(1);
    await symlink('..data/traffic.json', file);
    await source.start();
    for (let revision = 2; revision < 6; revision++) {
      await swap(revision);
      await until(() => source.table?.revision === revision);
    }
  });

  test('is polled each second, and no more once stopped', async () => {
    const { folder, file, source, clock } = await sourceOf(asJson());
    await source.start();
    expect(clock.pending).toBe(1);
    // A watch of a folder that was replaced sees nothing of the new one.
    await rename(folder, `${folder}-old`);
    onTestFinished(() => rm(`${folder}-old`, { recursive: true }));
    await mkdir(folder);
    await replaceFile(file, asJson({ revision: 2 }));
    await until(() => {
      clock.advance(1_000);
      return source.table?.revision === 2;
    });
    await until(() => clock.pending === 1);
    await source.stop();
    expect(clock.pending).toBe(0);
    await replaceFile(file, asJson({ revision: 3 }));
    await source.check();
    expect(source.table?.revision).toBe(2);
  });
});

function overlapping(): TrafficTable['versions'] {
  const { versions } = tableOf({ shares: HALVES });
  const ranges: [number, number][] = [[4_999, 9_999]];
  return versions.map((version) => (version.name === 'v2' ? { ...version, ranges } : version));
}

describe('a process without a table', () => {
  test('answers everything itself, with no file or none that can be read', async () => {
    for (const options of [{ tableFile: undefined }, {}]) {
      const rig = await rigWith(undefined, options);
      expect((await rig.send()).body).toBe('own v1');
      expect((await rig.send({ pinned: 'v1' })).body).toBe('own v1');
      await expect(rig.send({ pinned: 'v2' })).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' });
      expect(rig.traffic.versions()).toEqual(['v1']);
      expect(rig.traffic.table()).toBeUndefined();
      expect(rig.book.of('v1').routed).toBe(2);
    }
  });

  test('whose own version left the table still answers for it when it is named', async () => {
    const rig = await rigWith(tableOf({ shares: { v2: 10_000 } }));
    expect((await rig.send({ pinned: 'v1' })).body).toBe('own v1');
    expect(rig.traffic.versions()).toEqual(['v1', 'v2']);
  });
});

describe('a new table', () => {
  test('loses no request and counts no failure, whatever changes under load', async () => {
    const servers = await Promise.all(
      ['v2', 'v3'].map((version) =>
        upstream((request, response) => {
          setTimeout(() => healthy(version)(request, response), 3);
        }),
      ),
    );
    const [v2, v3] = servers.map(({ port }) => port) as [number, number];
    let table = tableOf({ shares: { v1: 4_000, v2: 6_000 }, at: { v2 } });
    const rig = await rigWith(table);
    let running = true;
    let failures = 0;
    let answers = 0;
    const worker = async () => {
      while (running) {
        const { status, body } = await rig.send();
        answers++;
        if (status !== 200 || !/^(own v1|from v[23])$/.test(String(body))) failures++;
      }
    };
    const workers = Array.from({ length: 16 }, worker);
    const walk = [
      { v1: 1_000, v2: 2_000, v3: 7_000 },
      { v1: 0, v3: 10_000 },
      { v1: 5_000, v2: 5_000 },
      { v1: 0, v2: 10_000 },
    ];
    for (let i = 0; i < 40; i++) {
      table = tableOf({ shares: walk[i % walk.length] as Record<string, number>, at: { v2, v3 }, previous: table });
      await writeTable(rig.file, table);
      await until(() => rig.traffic.table()?.revision === table.revision);
      const enough = answers + 16;
      await until(() => answers >= enough);
    }
    running = false;
    await Promise.all(workers);
    expect(failures).toBe(0);
    expect(answers).toBeGreaterThan(500);
    for (const version of ['v2', 'v3']) {
      expect(rig.book.of(version).failed).toBe(0);
      expect(Object.values(rig.book.of(version).shielded)).toEqual([0, 0, 0, 0]);
    }
  });

  test('closes the connections to a version that left, after what is in flight there', async () => {
    let answer = () => {};
    const leaving = await upstream((_, response) => {
      answer = () => response.end('from v2');
    });
    const table = tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: leaving.port } });
    const rig = await rigWith(table);
    const inFlight = rig.send();
    await until(() => leaving.requests === 1);
    await writeTable(rig.file, tableOf({ shares: { v1: 10_000 }, previous: table }));
    await until(() => rig.traffic.table()?.revision === 2);
    expect(leaving.open).toBe(1);
    answer();
    expect(String((await inFlight).body)).toBe('from v2');
    await until(() => leaving.open === 0);
  });

  test('that still has a version keeps the connections to it', async () => {
    const server = await upstream(healthy('v2'));
    let table = tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: server.port } });
    const rig = await rigWith(table, { clock: realClock });
    for (let i = 0; i < 10; i++) {
      await rig.send();
      table = { ...table, revision: table.revision + 1 };
      await writeTable(rig.file, table);
      await until(() => rig.traffic.table()?.revision === table.revision);
    }
    expect(server.connections).toBeLessThanOrEqual(2);
  });
});
