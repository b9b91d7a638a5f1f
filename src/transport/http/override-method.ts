/**
 * Overrides a method of an object.
 *
 * @param make makes the new method from the previous one, which is bound to the object
 * @returns a function that restores the previous method. If other code has overridden the method since then, the new method
 * stays, and must have no effect any more.
 */
export function overrideMethod<Arguments extends unknown[], Result>(
  object: object,
  name: string,
  make: (before: (...methodArguments: Arguments) => Result) => (...methodArguments: Arguments) => Result,
): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  // An inherited method is looked up at each call, because tracing libraries may replace it on the prototype.
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
