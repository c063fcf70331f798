/** Before each file of `test/cluster`. */
import { inject } from 'vitest';
import { share } from './cluster.ts';
import { sharedControlPlane } from './shared.ts';

share(await sharedControlPlane(inject('shared')));
