// What the visitor of the lock theatre does, without the page: stories, steps, undo, the address.

import { describe, expect, test } from 'vitest'
import { PRESETS, type Preset } from '../../site/theatre/stories.js'
import { Theatre } from '../../site/theatre/theatre.js'

const HANG = PRESETS[0] as Preset

async function open(address = 'lock=mutex&clients=3'): Promise<Theatre> {
  const theatre = new Theatre()
  expect(await theatre.open(address)).toBe(true)
  return theatre
}

test('what a client is told to do becomes a step, and the address says so', async () => {
  const theatre = await open()
  await theatre.act('acquire')
  theatre.client = 'B'
  await theatre.act('acquire')
  expect(theatre.address).toBe('lock=mutex&clients=3&steps=A.acquire,B.acquire')
  expect(theatre.moment?.lines[0]).toMatchObject({ holders: [{ client: 'A' }], queue: [{ client: 'B' }] })
  expect([theatre.can('ask'), theatre.can('abort')]).toEqual([false, true])
})

test('an address restores what it was taken from', async () => {
  const theatre = await open()
  await theatre.load(HANG)
  theatre.go(3)
  const other = await open(theatre.address)
  expect([other.schedule, other.at, other.moment]).toEqual([theatre.schedule, 3, theatre.moment])
  expect(other.preset).toBe(HANG)
})

test('an address that makes no sense changes nothing', async () => {
  const theatre = await open()
  expect(await theatre.open('#guides')).toBe(false)
  expect(theatre.address).toBe('lock=mutex&clients=3')
})

test('a step from an earlier moment replaces what came after, and undo brings it back', async () => {
  const theatre = await open()
  await theatre.load(HANG)
  theatre.go(1)
  await theatre.act('release')
  expect(theatre.address).toBe('lock=buggy&clients=3&steps=A.acquire,A.release')
  await theatre.undo()
  expect([theatre.schedule, theatre.at]).toEqual([HANG.schedule, 1])
  await theatre.undo()
  expect(theatre.address).toBe('lock=mutex&clients=3')
  await theatre.undo()
  expect(theatre.address).toBe('lock=mutex&clients=3')
})

test('the log says what happened so far, and tells a fault once', async () => {
  const theatre = await open()
  await theatre.load(PRESETS.find(({ id }) => id === 'double-release') as Preset)
  expect(theatre.log).toEqual([])
  theatre.go(Number.POSITIVE_INFINITY)
  expect(theatre.log.map(({ fault }) => fault)).toEqual([false, false, false, false, true, false, false])
})

describe('another lock', () => {
  test('keeps the steps that it can take', async () => {
    const theatre = await open('lock=rw&clients=3&steps=A.read,B.write,A.release,B.again')
    await theatre.set({ lock: 'mutex' })
    expect(theatre.address).toBe('lock=mutex&clients=3&steps=A.acquire,B.acquire,A.release,B.again')
    await theatre.set({ lock: 'keyed' })
    expect(theatre.address).toBe('lock=keyed&clients=3&steps=A.acquire:a,B.acquire:a,A.release,B.again')
    await theatre.set({ clients: 1 })
    expect(theatre.address).toBe('lock=keyed&clients=1&steps=A.acquire:a,A.release')
  })

  test('and fewer permits drop the steps that ask for more', async () => {
    const theatre = await open('lock=semaphore&size=3&clients=2&steps=A.acquire:3,B.acquire:1')
    await theatre.set({ size: 2 })
    expect(theatre.address).toBe('lock=semaphore&size=2&clients=2&steps=B.acquire:1')
  })

  test('and a client that is no longer there can be told nothing', async () => {
    const theatre = await open()
    theatre.client = 'C'
    await theatre.set({ clients: 2 })
    expect(theatre.client).toBe('A')
  })
})

test('play goes on from where it is, and from the beginning at the end', async () => {
  const theatre = await open()
  theatre.togglePlaying()
  expect(theatre.playing).toBe(false) // there is nothing to play
  await theatre.load(HANG)
  theatre.togglePlaying()
  theatre.go(5)
  expect([theatre.playing, theatre.atEnd]).toEqual([false, true])
  theatre.togglePlaying()
  expect([theatre.playing, theatre.at]).toEqual([true, 0])
})

test('the last of two changes is the one that is shown', async () => {
  const theatre = await open()
  await Promise.all([theatre.load(HANG), theatre.open('lock=rw&clients=2')])
  expect(theatre.schedule.lock).toBe('rw')
})

test('a schedule does not grow forever', async () => {
  const theatre = await open(`lock=mutex&clients=2&steps=${Array(200).fill('A.work').join(',')}`)
  expect(theatre.can('ask')).toBe(false)
  await theatre.act('acquire')
  expect(theatre.schedule.steps).toHaveLength(200)
})
