import { describeObjectStore } from './conformance.ts';
import { MemoryObjectStore } from './memory.ts';

describeObjectStore('memory', async () => new MemoryObjectStore());
