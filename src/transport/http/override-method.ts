/**
 * Puts a method in front of the one that an object has.
 *
 * @param make is given the method as it was, bound to the object
 * @returns what takes the new one away again. Where somebody else has put a third in front meanwhile, it has to stay: it
 * must do no harm by then.
 */
export function overrideMethod<Arguments extends unknown[], Result>(
  object: object,
  name: string,
  make: (before: (...methodArguments: Arguments) => Result) => (...methodArguments: Arguments) => Result,
): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  // The inherited one is looked up with each call: tracing libraries replace it on the prototype, at any time.
  const before = (...methodArguments: Arguments): Result => {
    const method: unknown =
      own === undefined ? Reflect.get(Object.getPrototypeOf(object) as object, name) : own.value;
    return Reflect.apply(method as (...all: Arguments) => Result, object, methodArguments);
  };
  const method = make(before);
  Object.defineProperty(object, name, { value: method, writable: true, configurable: true });
  return () => {
    if (Reflect.get(object, name) !== method) return;
    if (own === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, own);
  };
}
