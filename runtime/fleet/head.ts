/**
 * The head of a replica with several processes. It owns the ports and the model file, deals connections out, adds up
 * what its processes report, and starts them again when they die; it never reads a request. Light on purpose.
 */
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { DoorName, PublicDoorName } from '../../api/handoff.ts';
import type { Launch } from '../../api/launch.ts';
import { Acceptor } from '../acceptor.ts';
import { type Clock, realClock } from '../clock.ts';
import { LoadError } from '../errors.ts';
import type { LastWords } from '../last-words.ts';
import { type Channel, listenToSupervisor, tellSupervisor } from '../supervisor.ts';
import { Crew } from './crew.ts';
import { Dealer } from './dealer.ts';
import { Member } from './member.ts';
import { memberLaunch } from './member-launch.ts';
import { firstProcesses, processesFor } from './rule.ts';
import { SharedModel } from './shared-model.ts';

/** After SIGTERM: how long idle connections may stay once nothing new is accepted, ms. */
const LAME_DUCK_MS = 2_000;
const SCRIPT = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Resolves when the doors are open; the head goes on. @throws LoadError ADDRESS_IN_USE */
export async function run(launch: Launch, words: LastWords): Promise<void> {
  const head = new Head(launch, words);
  await head.begin();
}

class Head {
  readonly #launch: Launch;
  readonly #words: LastWords;
  readonly #clock: Clock = realClock;
  readonly #startedAt = new Date().toISOString();
  readonly #logger;
  readonly #channel = process as Channel;
  readonly #tell = tellSupervisor(this.#channel);
  readonly #model: SharedModel;
  readonly #crew: Crew;
  readonly #dealer: Dealer<Member>;
  readonly #doors: Readonly<Record<DoorName, Acceptor>>;
  #known: Member['placement'];
  #complete = false;
  #revision = 0;
  #draining = false;
  /** Settles when the last process is gone and none will follow. */
  readonly #empty = Promise.withResolvers<void>();

  constructor(launch: Launch, words: LastWords) {
    this.#launch = launch;
    this.#words = words;
    const { model, version, logLevel, serving } = launch;
    this.#logger = pino({ level: logLevel, base: { model, version } });
    const warn = (message: string) => this.#logger.warn(message);
    const clock = this.#clock;
    this.#model = new SharedModel(launch, { clock, random: Math.random, warn });
    this.#crew = new Crew(firstProcesses(serving), serving.execution.processes === undefined, {
      clock,
      model: this.#model,
      start: (onChange) => this.#start(onChange),
      decide: (placement) => this.#decide(placement),
      onChange: () => this.#look(),
      onGone: (member) => this.#dealer.gone(member),
      onHopeless: (error) => void this.#giveUp(error),
      log: (level, details, message) => this.#logger[level](details, message),
    });
    this.#dealer = new Dealer(() => this.#crew.serving, clock);
    const door = (name: DoorName) =>
      new Acceptor({ clock, warn, paused: true, offer: (socket) => this.#dealer.offer(name, socket) });
    this.#doors = {
      http: door('http'),
      grpc: door('grpc'),
      direct: door('direct'),
      'direct-grpc': door('direct-grpc'),
    };
  }

  async begin(): Promise<void> {
    const { drainDelayMs } = this.#launch;
    listenToSupervisor(this.#channel, {
      doors: { http: this.#public('http'), grpc: this.#public('grpc') },
      drain: (lameDuckMs) => void this.#drain(0, lameDuckMs),
      warn: (message) => this.#logger.warn(message),
    });
    process.on('SIGTERM', () => void this.#drain(drainDelayMs, LAME_DUCK_MS));
    process.on('SIGINT', () => void this.#drain(0, 0));
    this.#words.expectDeath();
    // The first process starts, and the model comes, while the head prepares itself.
    this.#crew.begin();
    this.#model.get().catch((error) => this.#giveUp(error));
    const ports = await this.#listen();
    this.#logger.info(ports, 'listening');
    this.#tell({ type: 'listening', direct: ports.direct, admin: ports.admin });
  }

  async #listen() {
    const { entry, direct, entryGrpc, directGrpc, admin } = this.#launch;
    const { http, grpc, direct: own, 'direct-grpc': ownGrpc } = this.#doors;
    const ports = {
      entry: await bind(http, '--entry', entry),
      direct: await bind(own, '--direct', direct),
      ...(entryGrpc && { entryGrpc: await bind(grpc, '--entry-grpc', entryGrpc) }),
      ...(directGrpc && { directGrpc: await bind(ownGrpc, '--direct-grpc', directGrpc) }),
    };
    const [{ createAdmin }, { createNumbers }] = await Promise.all([import('./admin.ts'), import('./numbers.ts')]);
    const draining = () => this.#draining;
    const numbers = createNumbers({ launch: this.#launch, crew: this.#crew, startedAt: this.#startedAt, draining });
    const door = await createAdmin({ launch: this.#launch, numbers, clock: this.#clock, logger: this.#logger });
    return { ...ports, admin: await bind(door, '--admin', admin) };
  }

  #start(onChange: () => void): Member {
    const { wanted, complete, ready } = this.#crew;
    const launch = memberLaunch(this.#launch, wanted, this.#known, complete || ready.length > 0);
    const onAccepted = (id: number) => this.#dealer.accepted(id);
    return new Member({ launch, script: SCRIPT, clock: this.#clock, onChange, onAccepted });
  }

  async #decide(placement: Member['placement']): Promise<number> {
    const { serving } = this.#launch;
    this.#known = placement;
    const { size: fileBytes } = await stat((await this.#model.get()).path);
    const memoryBytes = process.availableMemory();
    const processes = processesFor(serving, { placement, fileBytes, memoryBytes });
    const { cores } = serving.execution;
    this.#logger.info({ processes, runsOn: placement?.on, cores, memoryBytes }, 'number of processes chosen');
    return processes;
  }

  /** Something changed: all that follows from it. */
  #look(): void {
    const { alive, serving, complete } = this.#crew;
    this.#dealer.pump();
    // HAZARD: there may be none for a moment while the dead wait for their restart, and this settles only once.
    if (this.#draining && alive.length === 0) this.#empty.resolve();
    if (complete && !this.#complete && !this.#draining) this.#becomeReady();
    const revision = Math.min(...serving.map((member) => member.revision));
    if (!Number.isFinite(revision) || revision <= this.#revision) return;
    this.#revision = revision;
    this.#tell({ type: 'table', revision });
  }

  #becomeReady(): void {
    this.#complete = true;
    this.#words.clear();
    // A worker that dies is replaced by one that opens the file again, and a model on main may have to move to one.
    if (this.#launch.serving.execution.workers === 0) void this.#model.letGo();
    const ready = this.#crew.ready.map(({ pid }) => pid);
    this.#logger.info({ processes: ready }, 'ready');
    this.#tell({ type: 'ready' });
  }

  /** A public door as a supervisor hands it over: it is accepted on here, and served there. */
  #public(name: PublicDoorName) {
    return {
      take: (handle: unknown) => this.#doors[name].take(handle),
      admit: () => {},
      release: () => {
        this.#doors[name].close();
        for (const member of this.#crew.alive) member.tell({ type: 'release' });
      },
    };
  }

  async #drain(delayMs: number, lameDuckMs: number): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.#logger.info({ delayMs, lameDuckMs }, 'draining');
    await this.#stop(delayMs, lameDuckMs);
    this.#logger.info('drained');
    this.#words.clear();
    process.exit(0);
  }

  async #giveUp(error: unknown): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    await this.#stop(0, 0);
    this.#words.giveUp(error);
  }

  /** Nothing that was accepted is lost: doors close first, every connection finds its process, then these end. */
  async #stop(delayMs: number, lameDuckMs: number): Promise<void> {
    this.#crew.stop();
    for (const member of this.#crew.alive) member.tell({ type: 'unready' });
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await Promise.all(Object.values(this.#doors).map((door) => door.drain()));
    await this.#dealer.settled();
    for (const member of this.#crew.alive) member.tell({ type: 'drain', lameDuck: lameDuckMs });
    if (this.#crew.alive.length > 0) await this.#empty.promise;
    await this.#model.abandon();
  }
}

interface Listening {
  listen(address: string): Promise<number>;
}

async function bind(door: Listening, flag: string, address: string): Promise<number | undefined> {
  if (address === 'none') return undefined;
  try {
    return await door.listen(address);
  } catch (error) {
    throw new LoadError('ADDRESS_IN_USE', `${flag} ${address} can't be listened on: ${(error as Error).message}`);
  }
}
