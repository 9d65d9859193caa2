/**
 * A body of remote write protocol 2.0 as one of 1.0, for a receiver that turns out not to take 2.0. Samples and histograms
 * are the same messages in both; labels are texts instead of numbers of a symbol table, and types have no place.
 */
import { ProtoReader, ProtoWriter } from '../base/protobuf.ts';

/** Fields of 2.0's TimeSeries that hold what 1.0's has in other ones. */
const v2 = { symbols: 4, series: 5, labels: 1, samples: 2, histograms: 3, exemplars: 4 } as const;
const v1 = { series: 1, labels: 1, samples: 2, exemplars: 3, histograms: 4 } as const;

/** @param body before compression, as RemoteWriteEncoder makes it */
export function downgradeRemoteWrite(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const symbols = readSymbols(body);
  const writer = new ProtoWriter(body.length * 2);
  const reader = new ProtoReader(body);
  while (reader.next()) {
    if (reader.field !== v2.series) {
      reader.skip();
      continue;
    }
    const series = reader.bytes();
    writer.message(v1.series, () => writeSeries(writer, series, symbols));
  }
  return writer.finish();
}

/** The table stands behind the series that refer to it. */
function readSymbols(body: Uint8Array): readonly Uint8Array[] {
  const symbols: Uint8Array[] = [];
  const reader = new ProtoReader(body);
  while (reader.next()) {
    if (reader.field === v2.symbols) symbols.push(reader.bytes());
    else reader.skip();
  }
  return symbols;
}

function writeSeries(writer: ProtoWriter, series: Uint8Array, symbols: readonly Uint8Array[]): void {
  const reader = new ProtoReader(series);
  while (reader.next()) {
    if (reader.field === v2.labels) writeLabels(writer, reader.bytes(), symbols);
    else if (reader.field === v2.samples) writer.bytes(v1.samples, reader.bytes());
    else if (reader.field === v2.histograms) writer.bytes(v1.histograms, reader.bytes());
    else if (reader.field === v2.exemplars) writeExemplar(writer, reader.bytes(), symbols);
    else reader.skip();
  }
}

function writeExemplar(writer: ProtoWriter, exemplar: Uint8Array, symbols: readonly Uint8Array[]): void {
  writer.message(v1.exemplars, () => {
    const reader = new ProtoReader(exemplar);
    while (reader.next()) {
      if (reader.field === 1) writeLabels(writer, reader.bytes(), symbols);
      else if (reader.field === 2) writer.double(2, reader.double());
      else if (reader.field === 3) writer.int64(3, reader.int64());
      else reader.skip();
    }
  });
}

/** @param refs packed numbers of symbols: name, value, name, value */
function writeLabels(writer: ProtoWriter, refs: Uint8Array, symbols: readonly Uint8Array[]): void {
  const texts: Uint8Array[] = [];
  let ref = 0;
  let scale = 1;
  for (const byte of refs) {
    ref += (byte & 127) * scale;
    scale *= 128;
    if (byte > 127) continue;
    texts.push(symbols[ref]!);
    ref = 0;
    scale = 1;
  }
  for (let i = 0; i + 1 < texts.length; i += 2) {
    writer.message(v1.labels, () => {
      writer.bytes(1, texts[i]!);
      writer.bytes(2, texts[i + 1]!);
    });
  }
}
