/**
 * The arrows of the design: strategy | client-proxy -> call -> rpc -> session -> protocol,
 * and strategy | client-proxy | call -> transport. Every module may import n2n-error, clock, async-context, limits
 * and diagnostics.
 */
const folder = (name) => `^src/${name}/`;

const allowed = {
  protocol: [],
  session: ['protocol'],
  rpc: ['session', 'protocol'],
  transport: [],
  call: ['rpc', 'session', 'protocol', 'transport'],
  strategy: ['call', 'rpc', 'session', 'protocol', 'transport'],
  balancing: [],
  'client-proxy': ['call', 'balancing', 'rpc', 'session', 'protocol', 'transport'],
};

const arrows = Object.entries(allowed).map(([from, to]) => ({
  name: `arrows-of-${from}`,
  severity: 'error',
  from: { path: folder(from) },
  to: {
    path: '^src/',
    // transport meets session through the Link interface alone, and as a type
    pathNot: [
      '^src/(n2n-error|clock|async-context|diagnostics|limits)\\.ts$',
      folder(from),
      ...to.map(folder),
      ...(from === 'transport' ? ['^src/session/link\\.ts$'] : []),
    ],
  },
}));

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'link-is-a-type',
      severity: 'error',
      comment: 'transport knows the shape of a Link, never the code of session',
      from: { path: folder('transport') },
      to: { path: '^src/session/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-transport-knows-socket-io',
      severity: 'error',
      from: { path: '^src/', pathNot: folder('transport') },
      to: { path: 'node_modules/(socket\\.io|engine\\.io|ws)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'node-entry-knows-no-nest',
      severity: 'error',
      from: { path: '^src/node\\.ts$' },
      to: { path: 'node_modules/(@nestjs|rxjs)', reachable: true },
    },
    {
      name: 'only-nest-modules-know-nest',
      severity: 'error',
      from: {
        path: [
          '^src/(protocol|session|rpc|transport|balancing)/',
          '^src/(n2n-error|clock|async-context|diagnostics|limits)\\.ts$',
        ],
      },
      to: { path: 'node_modules/(@nestjs|rxjs|reflect-metadata)' },
    },
    {
      name: 'shared-files-are-leaves',
      severity: 'error',
      from: { path: '^src/(n2n-error|clock|async-context|diagnostics|limits)\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(n2n-error|clock|limits)\\.ts$' },
    },
    {
      name: 'protocol-is-pure',
      severity: 'error',
      comment: 'bytes <-> frames <-> values: no I/O, no timers',
      from: { path: folder('protocol') },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(buffer|v8|util/types)$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'support-knows-no-tests',
      severity: 'error',
      from: { path: '^test/support/' },
      to: { path: '^test/', pathNot: '^test/support/' },
    },
    {
      name: 'source-knows-no-tests',
      severity: 'error',
      from: { path: '^(src|bench|sample)/' },
      to: { path: '^test/' },
    },
    {
      name: 'samples-use-the-package',
      severity: 'error',
      from: { path: '^sample/' },
      to: { path: '^src/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
