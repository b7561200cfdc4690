import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Session } from '../session.ts'
import * as references from './references.ts'

const colour = (text: string) => {
  if (!/^#[0-9a-fA-F]{6}$/.test(text)) throw new InvalidArgumentError("Give a colour like '#ffffff'.")
  return text
}

/** The commands about stored media. */
export function addReferences(
  program: Command,
  choose: (work: (session: Session) => Promise<number>) => void,
): void {
  const group = program
    .command('references')
    .description('the stored pictures, films and sounds, and copies of them that fit the models')
  group
    .command('list', { isDefault: true })
    .description('what is stored, the newest first')
    .addOption(new Option('--kind <kind>', 'of one kind').choices(['image', 'video', 'audio']))
    .option('--search <text>', 'whose name holds this')
    .action((given: references.ListGiven) => choose((session) => references.list(session, given)))
  group
    .command('add <paths...>')
    .description('store files, whole folders, or what a pattern like "shots/*.png" names')
    .action((paths: string[]) => choose((session) => references.add(session, paths)))
  group
    .command('show <id>')
    .description('one reference: its original, where it is used, and which models refuse it')
    .action((id: string) => choose((session) => references.show(session, references.toReferenceId(id))))
  group
    .command('fit <which>')
    .description('make a copy of a picture (its id, or a file) that every model takes; the original stays')
    .option('--model <id>', 'fit for this model only')
    .option('--background <colour>', 'what transparency and borders become', colour, '#ffffff')
    .action((which: string, given: references.FitGiven) =>
      choose((session) => references.fit(session, which, given)),
    )
  group
    .command('trim <which>')
    .description('cut a copy of a film or sound from its start, without loss; the original stays')
    .requiredOption('--seconds <number>', 'how long it may be at most', secondsFrom1)
    .action((which: string, given: { seconds: number }) =>
      choose((session) => references.trim(session, which, given.seconds)),
    )
  group
    .command('relink <folder>')
    .description('find originals that were moved, in a folder and all below')
    .action((folder: string) => choose((session) => references.relink(session, folder)))
}

const secondsFrom1 = (text: string) => {
  const number = Number(text)
  if (!(number >= 1 && number <= 3_600)) throw new InvalidArgumentError('Give seconds from 1 to 3600.')
  return number
}
