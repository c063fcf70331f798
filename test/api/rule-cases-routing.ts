/** The cases of `rule-cases.ts` for routing. */
import { type Fields, manifest } from './builders.ts';
import type { RuleCase } from './rule-cases.ts';

const UNLISTED = 'a cohort of spec.routing.gateway names a version that is not listed';
const PIN = 'modelship-version names a version by itself: take another header';
const PREFIX = 'the prefix is cut off, and /v1 and /v2 start the paths that remain';

const withGateway = (gateway: Fields): Fields =>
  manifest({ routing: { gateway: { parentRefs: [{ name: 'public' }], ...gateway } } });

const withCohort = (cohort: Fields): Fields =>
  withGateway({ cohorts: [{ name: 'testers', header: 'x-tester', values: ['yes'], version: 'v1', ...cohort }] });

export const routing: Record<string, RuleCase> = {
  'a gateway without cohorts': { manifest: withGateway({}) },
  'a cohort of a listed version': { manifest: withCohort({}) },
  'a cohort of a version that is not listed': { manifest: withCohort({ version: 'v9' }), refused: UNLISTED },
  'a cohort by the header that names versions': {
    manifest: withCohort({ header: 'modelship-version' }),
    refused: PIN,
  },
  'a path prefix': { manifest: withGateway({ pathPrefix: '/team/digits' }) },
  'a path prefix that starts like a path of the model': { manifest: withGateway({ pathPrefix: '/v20' }) },
  'a path prefix that is a path of the model': { manifest: withGateway({ pathPrefix: '/v2' }), refused: PREFIX },
  'a path prefix below a path of the model': {
    manifest: withGateway({ pathPrefix: '/v1/models/digits' }),
    refused: PREFIX,
  },
};
