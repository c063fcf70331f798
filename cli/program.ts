/** The command line as a whole: commands, their help, and how mistakes in it are said. */
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addDescribe } from './commands/describe.ts';
import { addDiffs } from './commands/diffs.ts';
import { addEvents } from './commands/events.ts';
import { addGet } from './commands/get.ts';
import { addHistory } from './commands/history.ts';
import { addPredict } from './commands/predict.ts';
import { renderCommand } from './commands/render.ts';
import { addRollout } from './commands/rollout.ts';
import { addRun } from './commands/run.ts';
import { addSetVersion } from './commands/set-version.ts';
import { addSimulate } from './commands/simulate.ts';
import { addValidate } from './commands/validate.ts';
import { addVersion } from './commands/version.ts';
import type { Context } from './context.ts';
import { allExitLines, type Lesson, styleHelp, teach } from './help.ts';

const FIRST_STEPS = `First steps:
  modelship validate examples/digits/modeldeployment.yaml
  modelship run examples/digits/modeldeployment.yaml --volume models=examples
  modelship predict digits --input examples/digits/request.json --repeat 100`;

const RENDER_LESSON: Lesson = {
  examples: [
    { does: 'what the operator would make of it', command: 'modelship render examples/digits/modeldeployment.yaml' },
    {
      does: 'in another namespace, for a program',
      command: 'modelship render examples/digits/modeldeployment.yaml --namespace models --output json',
    },
  ],
  exits: { 0: 'printed', 2: 'a file cannot be used, or the command line is wrong' },
};

export function buildProgram(context: Context): Command {
  const { out, err } = context;
  const program = new Command('modelship')
    .description(
      'Serves versions of ONNX models and splits the traffic between them: from one YAML file, on this machine as in a cluster.',
    )
    .version(packageJson.version, '-V, --version', 'print the version of Modelship')
    // Else `predict --version v2` would ask for the version of the program.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      getOutHelpWidth: () => Math.min(out.width, 100),
      getErrHelpWidth: () => Math.min(err.width, 100),
      getOutHasColors: () => true,
      getErrHasColors: () => true,
      outputError: (text, write) => write(text.replace(/^error:/, err.paint('red', 'error:'))),
    });
  styleHelp(program, out);
  addRun(program, context);
  addPredict(program, context);
  addValidate(program, context);
  addSetVersion(program, context);
  program.addCommand(teach(renderCommand().copyInheritedSettings(program), RENDER_LESSON));
  addSimulate(program, context);
  addRollout(program, context);
  addDiffs(program, context);
  addGet(program, context);
  addDescribe(program, context);
  addHistory(program, context);
  addEvents(program, context);
  addVersion(program, context);
  program.addHelpText('after', () => `\n${FIRST_STEPS}\n\nExit codes:\n${allExitLines().join('\n')}`);
  for (const command of [program, ...allCommands(program)]) {
    command.showHelpAfterError(`Run \`${callOf(command)} --help\` for what it takes.`);
  }
  return program;
}

/** Those of a group after it. */
export function allCommands(program: Command): Command[] {
  return program.commands.flatMap((command) => [command, ...allCommands(command)]);
}

/** `modelship rollout watch` */
export function callOf(command: Command): string {
  return command.parent ? `${callOf(command.parent)} ${command.name()}` : command.name();
}
