import type { Reporter, TestModule } from 'vitest/node';

/** Ends the output with one line of totals. What did not run counts as failed. */
export class Totals implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const all = modules.flatMap((module) => [...module.children.allTests()]);
    const passed = all.filter((test) => test.result().state === 'passed').length;
    const broken = modules.filter((module) => module.state() === 'failed' && [...module.children.allTests('failed')].length === 0).length;
    console.log(`${passed} passed, ${all.length - passed + broken + errors.length} failed`);
  }
}
