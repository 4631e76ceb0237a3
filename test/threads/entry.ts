export { SharedMutex } from 'latchkey/threads'
