export { Failure, messageOf, systemCodeOf, textOf } from './failure.js';
export { launch, onSignal } from './launch.js';
export { filePath, orUsage, portNumber, wholeNumber } from './option-values.js';
export { run, type CommandLine } from './run.js';
export { ServiceProcess } from './service-process.js';
export { plural, Transcript } from './transcript.js';
