/** Lets a long dotted or underscored name break after its parts rather than anywhere. */
export const breakable = (name: string) => name.split(/(?<=[_./])/).flatMap((part, i) => (i === 0 ? [part] : [<wbr key={i} />, part]));
