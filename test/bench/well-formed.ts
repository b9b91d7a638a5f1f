const TAG = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y;
const TEXT = /[^<]*/y;
/** An ampersand that begins no entity, in text or in an attribute. */
const BARE_AMPERSAND = /&(?!(?:amp|lt|gt|quot|apos);)/;

/** The faults of a text as XML, of the little that the plots use: elements, attributes, text, entities. */
export function xmlFaults(xml: string): string[] {
  const faults: string[] = [];
  const open: string[] = [];
  let roots = 0;
  let at = 0;
  while (at < xml.length) {
    TEXT.lastIndex = at;
    const text = TEXT.exec(xml)?.[0] ?? '';
    if (open.length === 0 && text.trim() !== '') faults.push(`text outside of the root: ${text}`);
    if (BARE_AMPERSAND.test(text)) faults.push(`a bare ampersand in ${text}`);
    at += text.length;
    if (at === xml.length) break;
    TAG.lastIndex = at;
    const tag = TAG.exec(xml);
    if (tag === null) return [...faults, `no tag at ${xml.slice(at, at + 40)}`];
    const [whole, close, name = '', attributes = '', empty] = tag;
    const names = [...attributes.matchAll(/([\w:-]+)=/g)].map((match) => match[1]);
    if (new Set(names).size < names.length) faults.push(`an attribute twice in ${whole}`);
    if (BARE_AMPERSAND.test(attributes)) faults.push(`a bare ampersand in ${whole}`);
    if (close === '/') {
      const opened = open.pop();
      if (opened !== name) faults.push(`</${name}> closes <${opened}>`);
    } else {
      if (open.length === 0) roots++;
      if (empty !== '/') open.push(name);
    }
    at += whole.length;
  }
  if (open.length > 0) faults.push(`not closed: ${open.join(', ')}`);
  if (roots !== 1) faults.push(`${roots} roots`);
  return faults;
}
