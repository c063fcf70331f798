/** What is asked about a model: the answers of the own version, which may be asked for by another process too. */
import { modelConfig, PLATFORM } from '../protocol/model-config.ts';
import type { ProtocolContext } from '../routes/protocol.ts';

export const SERVICE = 'inference.GRPCInferenceService';

export type Question = 'ModelReady' | 'ModelMetadata' | 'ModelConfig' | 'ModelStatistics';

/** In the words of the protocol's JSON. @throws RequestError NOT_READY, DIGEST_CHANGED */
export type Questions = Record<Question, () => object>;

export function questionsOf({ own, split, serving, statistics }: ProtocolContext): Questions {
  return {
    ModelReady() {
      own.requireReady();
      return { flag: true };
    },
    ModelMetadata: () => ({ name: own.model, versions: split.versions(), platform: PLATFORM, ...own.metadata() }),
    ModelConfig: () => ({ config: modelConfig(own.model, own.requireLoaded(), serving) }),
    ModelStatistics: () => ({ model_stats: [statistics.snapshot()] }),
  };
}

/** Path of an RPC; at the direct HTTP port too, for what is forwarded. */
export function pathOf(method: string): string {
  return `/${SERVICE}/${method}`;
}
