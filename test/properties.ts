/**
 * fast-check as property tests use it: in CI they try the same cases each time, since what a search happens to find is no
 * fault of the change that is tested. Elsewhere each run searches anew; a failure names its seed.
 */
import fc from 'fast-check';

if (process.env.CI) fc.configureGlobal({ seed: 20_261_121 });

export default fc;
